#include "cli/run_parts.h"

#include "baselines/bpe.h"
#include "baselines/make_model.h"
#include "cli/device.h"
#include "core/error.h"
#include "core/file.h"
#include "data/read_corpus.h"
#include "nn/allocator.h"
#include "train/trainer.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

namespace aunet {

namespace {

std::unique_ptr<Tokenizer> make_tokenizer(const RunDir& dir, const ModelConfig& model) {
  const auto* transformer = std::get_if<TransformerConfig>(&model);
  if (transformer == nullptr || transformer->tokenizer.kind == "bytes") return make_byte_tokenizer();
  const TokenizerConfig& wanted = transformer->tokenizer;
  auto bpe = std::make_unique<Bpe>(Bpe::load(dir.tokenizer(), wanted.pattern));
  if (!wanted.fingerprint.empty() && bpe->fingerprint() != wanted.fingerprint) {
    throw RunFailure("config", fmt::format("{}: tokenizer changed: expected fingerprint {}, got {}",
                                           dir.tokenizer(), wanted.fingerprint, bpe->fingerprint()));
  }
  return bpe;
}

RunConfig read_resolved(const RunDir& dir) {
  RunConfig run = read_run_config(dir.run_toml());
  if (run.data.train_fingerprint.empty()) {
    throw ConfigError(
        fmt::format("{}: data.train_fingerprint: expected a resolved run, got none; `aunet train` resolves "
                    "an experiment",
                    dir.run_toml()));
  }
  return run;
}

at::Device prepare(const RuntimeConfig& runtime) {
  const at::Device device = open_device(runtime.device, "run.device");
  tune_allocator();
  at::set_num_threads(static_cast<int>(runtime.threads));
  at::set_num_interop_threads(1);
  return device;
}

void check_fingerprint(const char* split, const std::string& expected, const std::string& got) {
  if (expected.empty() || expected == got) return;
  throw RunFailure("config", fmt::format("data.{}: corpus changed: expected fingerprint {}, got {}", split,
                                         expected, got));
}

}  // namespace

RunParts::RunParts(const RunDir& dir)
    : run(read_resolved(dir)),
      key(train_key(run)),
      tokenizer(make_tokenizer(dir, run.model)),
      builder(std::make_unique<SequenceBuilder>(run.model, *tokenizer)),
      device(prepare(run.runtime)),
      model(make_model(run.model, run.seeds.init)) {
  if (!device.is_cpu()) model->to(device);
}

Corpus read_train_corpus(const RunConfig& run) {
  Corpus corpus = read_train_sources(run.data);
  check_fingerprint("train", run.data.train_fingerprint, fingerprint(corpus, run.data.train));
  return corpus;
}

Corpus read_heldout_corpus(const RunConfig& run) {
  if (run.data.heldout.empty()) return {};
  Corpus corpus = read_texts(run.data.heldout, run.data.invalid);
  check_fingerprint("heldout", run.data.heldout_fingerprint, fingerprint(corpus));
  return corpus;
}

}  // namespace aunet
