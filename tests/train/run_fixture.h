// A run in miniature: real corpus, stream, loader, optimizer, checkpoints and journal in a temporary folder,
// around the bigram or a real model.
#pragma once

#include "baselines/make_model.h"
#include "data/tokenizer.h"
#include "tests/support/bigram_model.h"
#include "train/trainer.h"

#include <ATen/Parallel.h>

#include <unistd.h>

#include <filesystem>
#include <functional>

namespace aunet {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "aunet-train-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline Corpus small_corpus() {
  std::vector<std::string> texts(12);
  for (int d = 0; d < 12; ++d) {
    for (int i = 0; i <= d * 3; ++i)
      texts[d] += (i + d) % 3 == 0 ? "the cat sat. " : "a dog\nran off, 12 times; ";
  }
  return Corpus::of(texts);
}

inline RunConfig bigram_run(int64_t steps) {
  RunConfig run;
  TransformerConfig model;
  model.dim = 8;
  model.n_layers = 1;
  model.head_dim = 8;
  model.vocab_size = 258;
  model.multiple_of = 8;
  model.tokenizer.kind = "bytes";
  run.model = model;
  run.data.train = {{.path = "test", .weight = 1}};
  run.data.context_bytes = 32;
  run.optim.lr = 0.1;
  run.horizon = {.windows = steps * 4 - 1, .batch_windows = 4, .last_window_bytes = 20, .accumulation = 1};
  run.runtime.checkpoint_seconds = 0;
  return run;
}

inline RunConfig aunet_run(int64_t steps) {
  RunConfig run = bigram_run(steps);
  AunetConfig model;
  model.dimensions = {8, 16};
  model.layers = {1, 1};
  model.head_dims = {8, 8};
  model.residuals = {true};
  model.sliding_windows = {16, 16};
  model.max_seqlens = {-1, -1};
  model.multiple_of = 8;
  model.split = {{"word1", "1@1"}};
  run.model = model;
  run.optim.lr = 0.02;
  return run;
}

/// What an attempt left behind.
struct AttemptOutcome {
  TrainOutcome outcome = TrainOutcome::Finished;
  TrainState state;
  int64_t from_step = 0;
  std::vector<at::Tensor> weights;
};

using ModelMaker = std::function<std::shared_ptr<LanguageModel>(const RunConfig&)>;

inline std::shared_ptr<LanguageModel> make_bigram(const RunConfig&) {
  return std::make_shared<BigramModel>(258);
}
inline std::shared_ptr<LanguageModel> make_real(const RunConfig& run) {
  return make_model(run.model, run.seeds.init);
}

/// One attempt at a run in `folder`: resumes from its newest checkpoint, trains until the end or until
/// `stop_after` steps are done. Everything is built anew, as in a new process.
inline AttemptOutcome attempt(const std::string& folder, const RunConfig& run, const ModelMaker& make,
                              int64_t stop_after = -1, int64_t number = 1,
                              const std::function<void(LanguageModel&)>& tamper = {}) {
  at::set_num_threads(static_cast<int>(run.runtime.threads));
  const Corpus corpus = small_corpus();
  const auto tokenizer = make_byte_tokenizer();
  const auto model = make(run);
  AdamW optimizer(model->parameters(), run.optim);
  Checkpoints checkpoints(folder + "/checkpoints", "0123456789abcdef", current_numerics(run.runtime),
                          run.runtime.checkpoint_keep);
  AttemptOutcome result;
  if (const auto loaded = checkpoints.load_newest(*model, &optimizer)) result.state = loaded->state;
  result.from_step = result.state.step;
  if (tamper) tamper(*model);
  Loader loader(corpus, run, *tokenizer, {.first_step = result.state.step});
  AppendFile journal(folder + "/journal.jsonl");
  double clock = 0;
  const auto stop = [&] { return stop_after >= 0 && result.state.step >= stop_after; };
  Trainer trainer({run, *model, optimizer, loader, checkpoints, journal, stop, [&] { return clock += 1; }},
                  result.state, number);
  result.outcome = trainer.run();
  for (const auto& [name, tensor] : model->official_parameters()) {
    result.weights.push_back(tensor.detach().clone());
  }
  return result;
}

/// The run's curve: for each step the record of the last attempt that did it.
inline std::vector<StepRecord> curve(const std::string& folder) {
  std::vector<StepRecord> steps;
  for (const JournalRecord& record : read_journal(folder + "/journal.jsonl")) {
    const auto* step = std::get_if<StepRecord>(&record);
    if (step == nullptr) continue;
    steps.resize(step->step);
    steps[step->step - 1] = *step;
  }
  return steps;
}

}  // namespace aunet
