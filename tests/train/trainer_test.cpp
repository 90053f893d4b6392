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
  const Batch batch = loader.next().at(0);
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
