#include "tests/train/run_fixture.h"

#include <ATen/Version.h>
#include <catch2/catch.hpp>

using namespace aunet;

namespace {

/// Same loss, rate, gradient norm and counters at every step, to the last bit.
void check_same_curve(const std::string& a, const std::string& b) {
  const auto x = curve(a), y = curve(b);
  REQUIRE(x.size() == y.size());
  for (size_t i = 0; i < x.size(); ++i) {
    CAPTURE(i);
    CHECK(x[i].loss_nats == y[i].loss_nats);
    CHECK(x[i].loss_bpb == y[i].loss_bpb);
    CHECK(x[i].grad_norm == y[i].grad_norm);
    CHECK(x[i].lr == y[i].lr);
    CHECK(x[i].text_bytes == y[i].text_bytes);
    CHECK(x[i].units == y[i].units);
    CHECK(x[i].flops_useful == y[i].flops_useful);
    CHECK(x[i].flops_paper == y[i].flops_paper);
    CHECK(x[i].flops_executed == y[i].flops_executed);
  }
}

void check_same_weights(const AttemptOutcome& a, const AttemptOutcome& b) {
  REQUIRE(a.weights.size() == b.weights.size());
  for (size_t i = 0; i < a.weights.size(); ++i) CHECK(at::equal(a.weights[i], b.weights[i]));
}

void check_resume_after_every_step(const RunConfig& run, const ModelMaker& make, int64_t n_steps) {
  TemporaryFolder calm;
  const AttemptOutcome undisturbed = attempt(calm.path(), run, make);
  for (int64_t stop = 1; stop < n_steps; ++stop) {
    CAPTURE(stop);
    TemporaryFolder wild;
    CHECK(attempt(wild.path(), run, make, stop).outcome == TrainOutcome::Interrupted);
    const AttemptOutcome resumed = attempt(wild.path(), run, make, -1, 2);
    CHECK(resumed.from_step == stop);
    CHECK(resumed.outcome == TrainOutcome::Finished);
    CHECK(resumed.state == undisturbed.state);
    check_same_curve(calm.path(), wild.path());
    check_same_weights(undisturbed, resumed);
  }
}

}  // namespace

TEST_CASE("a run stopped after any step and resumed is the undisturbed run: bigram", "[train]") {
  check_resume_after_every_step(bigram_run(9), make_bigram, 9);
}

TEST_CASE("a run stopped after any step and resumed is the undisturbed run: AU-Net", "[train]") {
  check_resume_after_every_step(aunet_run(6), make_real, 6);
}

TEST_CASE("a run stopped after any step and resumed is the undisturbed run: transformer with accumulation",
          "[train]") {
  RunConfig run = bigram_run(6);
  run.optim.lr = 0.02;
  run.horizon.accumulation = 2;
  check_resume_after_every_step(run, make_real, 6);
}

TEST_CASE("a run stopped after any step and resumed is the undisturbed run: AU-Net on two threads",
          "[train]") {
  RunConfig run = aunet_run(4);
  run.runtime.threads = 2;
  check_resume_after_every_step(run, make_real, 4);
}

TEST_CASE("a run that lost the steps since its checkpoint repeats them exactly", "[train]") {
  RunConfig run = aunet_run(10);
  run.runtime.checkpoint_steps = 3;
  run.runtime.checkpoint_keep = 10;
  TemporaryFolder calm, wild;
  const AttemptOutcome undisturbed = attempt(calm.path(), run, make_real);
  attempt(wild.path(), run, make_real, 8);
  std::filesystem::remove_all(wild.path() + "/checkpoints/step-00000008");  // as if killed in step 9
  const AttemptOutcome resumed = attempt(wild.path(), run, make_real, -1, 2);
  CHECK(resumed.from_step == 6);
  check_same_curve(calm.path(), wild.path());
  check_same_weights(undisturbed, resumed);
}

TEST_CASE("numerics name what differs", "[train]") {
  Numerics then = current_numerics({.threads = 1, .device = "cpu"});
  CHECK(then.instruction_set == at::get_cpu_capability());
  Numerics now = then;
  CHECK(describe_difference(then, now).empty());
  now.threads = 2;
  now.instruction_set = "DEFAULT";
  CHECK(describe_difference(then, now) ==
        "threads 1 -> 2, instruction set " + then.instruction_set + " -> DEFAULT");
}
