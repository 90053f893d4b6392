#include "train/diagnosis.h"
#include "train/trainer.h"

#include "tests/train/run_fixture.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <numbers>

using namespace aunet;

TEST_CASE("the first step's loss of a model that knows nothing is ln 258 and the loss falls", "[train]") {
  TemporaryFolder folder;
  const AttemptOutcome done = attempt(folder.path(), bigram_run(30), make_bigram);
  CHECK(done.outcome == TrainOutcome::Finished);
  const auto steps = curve(folder.path());
  REQUIRE(steps.size() == 30);
  CHECK(steps[0].loss_nats == Approx(std::log(258.0)).epsilon(1e-6));
  CHECK(steps[29].loss_nats < 0.6 * steps[0].loss_nats);
  CHECK(steps[0].lr == Approx(0.1 / 3));
  CHECK(steps[29].lr == Approx(0.001));
}

TEST_CASE("journalled bytes, units and FLOPs are those of the windows of the horizon", "[train]") {
  TemporaryFolder folder;
  const RunConfig run = aunet_run(7);
  attempt(folder.path(), run, make_real);
  const auto steps = curve(folder.path());
  REQUIRE(steps.size() == 7);

  const Corpus corpus = small_corpus();
  const auto tokenizer = make_byte_tokenizer();
  const TrainingStream stream(corpus, run.data, run.seeds.data);
  const SequenceBuilder builder(run.model, *tokenizer);
  double useful = 0, paper = 0, executed = 0;
  int64_t bytes = 0, units = 0;
  for (int64_t w = 0; w < run.horizon.windows; ++w) {
    const bool last = w == run.horizon.windows - 1;
    const Sequence sequence =
        builder.training(corpus, stream.window(w), last ? run.horizon.last_window_bytes : 0);
    const auto rows = builder.rows(sequence);
    useful += sequence_flops(run.model, rows, Convention::Useful).total();
    paper += sequence_flops(run.model, rows, Convention::Paper).total();
    executed += sequence_flops(run.model, rows, Convention::Executed).total();
    bytes += sequence.text_bytes;
    units += static_cast<int64_t>(sequence.targets.size());
  }
  CHECK(steps[6].flops_useful == Approx(useful).epsilon(1e-12));
  CHECK(steps[6].flops_paper == Approx(paper).epsilon(1e-12));
  CHECK(steps[6].flops_executed == Approx(executed).epsilon(1e-12));
  CHECK(steps[6].text_bytes == bytes);
  CHECK(steps[6].units == units);
  const double step_nats = steps[6].loss_nats * static_cast<double>(steps[6].units - steps[5].units);
  const double step_bytes = static_cast<double>(steps[6].text_bytes - steps[5].text_bytes);
  CHECK(steps[6].loss_bpb == Approx(step_nats / std::numbers::ln2 / step_bytes).epsilon(1e-12));
}

TEST_CASE("accumulation is memory, not mathematics", "[train]") {
  RunConfig run = aunet_run(6);
  TemporaryFolder whole, parts;
  const AttemptOutcome a = attempt(whole.path(), run, make_real);
  run.horizon.accumulation = 3;  // micro-batches of 2, 2 and, in the last step, 1 windows: unequal units
  const AttemptOutcome b = attempt(parts.path(), run, make_real);
  const auto one = curve(whole.path()), three = curve(parts.path());
  for (size_t i = 0; i < one.size(); ++i) {
    CHECK(three[i].loss_nats == Approx(one[i].loss_nats).epsilon(1e-5));
    CHECK(three[i].grad_norm == Approx(one[i].grad_norm).epsilon(1e-4));
    CHECK(three[i].flops_useful == one[i].flops_useful);
  }
}

TEST_CASE("with unit heads too: their counts are those of the whole step", "[train]") {
  RunConfig run = aunet_run(4);
  auto& model = std::get<AunetConfig>(run.model);
  model.lambda_units = {0.5};
  const TemporaryFolder whole, split;
  const AttemptOutcome a = attempt(whole.path(), run, make_real);
  run.horizon.accumulation = 3;
  const AttemptOutcome b = attempt(split.path(), run, make_real);
  REQUIRE(a.weights.size() == b.weights.size());
  for (size_t i = 0; i < a.weights.size(); ++i)
    CHECK((a.weights[i] - b.weights[i]).abs().max().item<double>() < 1e-4);
}

TEST_CASE("unit heads of weight 0 train the model bit for bit as none do", "[train]") {
  RunConfig run = aunet_run(4);
  const TemporaryFolder none, zero, some;
  const auto plain = attempt(none.path(), run, make_real).weights;
  auto& model = std::get<AunetConfig>(run.model);
  model.lambda_units = {0};
  model.unit_targets = "first_bytes";
  const auto off = attempt(zero.path(), run, make_real).weights;
  model.lambda_units = {0.5};
  const auto on = attempt(some.path(), run, make_real).weights;
  REQUIRE(plain.size() == off.size());
  bool moved = false;
  for (size_t i = 0; i < plain.size(); ++i) {
    CHECK(at::equal(plain[i], off[i]));
    moved = moved || !at::equal(plain[i], on[i]);
  }
  CHECK(moved);
  CHECK(on.size() == plain.size() + 1 + 4);
}

TEST_CASE("rows that caps cut are journalled with the step, and nothing where none are", "[train]") {
  RunConfig run = aunet_run(3);
  const TemporaryFolder free, capped;
  attempt(free.path(), run, make_real);
  for (const StepRecord& step : curve(free.path())) CHECK(!step.cut_rows);
  std::get<AunetConfig>(run.model).max_seqlens = {-1, 2};
  attempt(capped.path(), run, make_real);
  const Corpus corpus = small_corpus();
  const auto tokenizer = make_byte_tokenizer();
  Loader loader(corpus, run, *tokenizer);
  for (const StepRecord& step : curve(capped.path())) {
    int64_t cut = 0;
    for (const Batch& batch : loader.next().micro) {
      // a sequence that is cut has exactly two units
      for (int64_t b = 0; b < batch.n_sequences; ++b)
        CHECK(batch.cu_rows[1][b + 1] - batch.cu_rows[1][b] <= 2);
      cut += batch.cut_rows;
    }
    CHECK(cut > 0);
    CHECK(step.cut_rows == cut);
  }
}

TEST_CASE("a step's objective is the mean over its units, checked by finite differences", "[train]") {
  // One step of plain gradient information: d loss / d table[i][j] = sum over rows (softmax - onehot) /
  // units.
  TemporaryFolder folder;
  RunConfig run = bigram_run(1);
  run.optim.clip = 1e9;
  attempt(folder.path(), run, make_bigram);
  const Corpus corpus = small_corpus();
  const auto tokenizer = make_byte_tokenizer();
  Loader loader(corpus, run, *tokenizer);
  const Batch batch = loader.next().micro.at(0);
  at::Tensor gradient = at::zeros({258, 258}, at::kDouble);
  for (int64_t r = 0; r < batch.rows(0); ++r) {
    gradient[batch.inputs[r]] += 1.0 / 258;
    gradient[batch.inputs[r]][batch.targets[r]] -= 1;
  }
  const double norm = (gradient / static_cast<double>(batch.target_units)).norm().item<double>();
  CHECK(curve(folder.path())[0].grad_norm == Approx(norm).epsilon(1e-5));
}

TEST_CASE("a loss that is no number fails the run as nan and is not checkpointed", "[train]") {
  TemporaryFolder folder;
  const RunConfig run = bigram_run(10);
  try {
    attempt(folder.path(), run, make_bigram, -1, 1, [](LanguageModel& model) {
      at::NoGradGuard no_grad;
      static_cast<BigramModel&>(model).table().fill_(std::numeric_limits<float>::quiet_NaN());
    });
    FAIL("no failure");
  } catch (const RunFailure& failure) {
    CHECK(failure.cause == "nan");
    CHECK(std::string(failure.what()).starts_with("step 1: "));
  }
  CHECK(list_directory(folder.path() + "/checkpoints").empty());
  CHECK(curve(folder.path()).size() == 1);
}

TEST_CASE("a loss two nats above the first for twenty steps fails the run as diverged", "[train]") {
  TemporaryFolder folder;
  RunConfig run = bigram_run(60);
  run.optim.lr = 300;
  try {
    attempt(folder.path(), run, make_bigram);
    FAIL("no failure");
  } catch (const RunFailure& failure) {
    CHECK(failure.cause == "diverged");
  }
  const auto steps = curve(folder.path());
  REQUIRE(steps.size() >= 20);
  for (size_t i = steps.size() - 20; i < steps.size(); ++i)
    CHECK(steps[i].loss_nats > steps[0].loss_nats + 2);
}

TEST_CASE("a diagnosis names the part that broke, and the weights that led there", "[train]") {
  const RunConfig run = aunet_run(8);
  const Corpus corpus = small_corpus();
  const auto model = make_real(run);
  const auto tokenizer = make_byte_tokenizer();
  AdamW optimizer(model->parameters(), run.optim);
  Loader loader(corpus, run, *tokenizer, {.first_step = 2});
  const std::vector<Batch> batches = loader.next().micro;
  model->loss(to_device(batches[0], at::kCPU)).nats.backward();
  std::vector<at::Tensor> before;
  for (const auto& [name, tensor] : model->official_parameters()) before.push_back(tensor.detach().clone());
  double trunk_weight = 0, trunk_grad = 0;
  {
    at::NoGradGuard no_grad;
    for (const auto& [name, grad] : model->official_gradients()) {
      if (name.starts_with("trunk.")) trunk_grad += grad.pow(2).sum().item<double>();
      if (name.starts_with("decoders.0.layers.0.ffn_norm"))
        at::Tensor(grad).fill_(std::numeric_limits<float>::infinity());
    }
    for (const auto& [name, weight] : model->official_parameters())
      if (name.starts_with("trunk.")) trunk_weight += weight.pow(2).sum().item<double>();
  }
  CHECK(!std::isfinite(optimizer.step(0.1)));
  CHECK(optimizer.step_count() == 0);
  for (size_t i = 0; i < before.size(); ++i)
    CHECK(at::equal(model->official_parameters()[i].second.detach(), before[i]));

  const DiagnosisRecord diagnosis = diagnose(*model, run, corpus, 3, 1);
  std::vector<std::string> parts;
  for (const auto& part : diagnosis.norms) {
    parts.push_back(part.part);
    CHECK(std::isfinite(part.weight));
    CHECK(std::isfinite(part.grad) == (part.part != "stage 1 decoder"));
    CHECK(part.not_finite == (part.part == "stage 1 decoder" ? 8 : 0));
    if (part.part != "trunk") continue;
    CHECK(part.weight == Approx(std::sqrt(trunk_weight)).epsilon(1e-5));
    CHECK(part.grad == Approx(std::sqrt(trunk_grad)).epsilon(1e-5));
  }
  CHECK(parts == std::vector<std::string>{"embedding", "stage 1 encoder", "trunk", "stage 1 decoder",
                                          "stage 1 to 2", "head"});
  CHECK(diagnosis.rates.size() == 3);
  // the documents are those of the windows of step 3
  std::vector<std::string> heads;
  const TrainingStream stream(corpus, run.data, run.seeds.data);
  for (int64_t w = 8; w < 12; ++w)
    for (const Span& span : stream.window(w).spans)
      heads.push_back(std::string(corpus.text(span.document).substr(0, 80)));
  REQUIRE(!diagnosis.documents.empty());
  CHECK(diagnosis.n_documents == std::ssize(diagnosis.documents));
  for (const auto& document : diagnosis.documents) {
    CHECK(document.source == "test");
    CHECK(std::find(heads.begin(), heads.end(), document.head) != heads.end());
  }
  CHECK(diagnosis.documents[0].head == heads[0]);
}

TEST_CASE("checkpoints come by steps and by the clock", "[train]") {
  RunConfig run = bigram_run(12);
  run.runtime.checkpoint_keep = 100;
  TemporaryFolder by_steps, by_time;
  run.runtime.checkpoint_steps = 5;
  attempt(by_steps.path(), run, make_bigram);
  CHECK(list_directory(by_steps.path() + "/checkpoints") ==
        std::vector<std::string>{"step-00000005", "step-00000010", "step-00000012"});
  run.runtime.checkpoint_steps = 0;
  run.runtime.checkpoint_seconds = 15;  // the test's clock ticks a second each time it is read
  attempt(by_time.path(), run, make_bigram);
  CHECK(list_directory(by_time.path() + "/checkpoints").size() > 2);
  CHECK(list_directory(by_time.path() + "/checkpoints").back() == "step-00000012");
}
