// The tail of a journal says what the whole journal says.
#include "sweep/run_state.h"

#include "core/error.h"
#include "core/file.h"
#include "core/random.h"
#include "sweep/speed.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <unistd.h>

using namespace aunet;

namespace {

/// A folder that goes away with the test.
struct Folder {
  std::string path =
      (std::filesystem::temp_directory_path() / ("aunet-state-" + std::to_string(getpid()))).string();
  Folder() { make_directories(path); }
  ~Folder() { remove_tree(path); }
};

StepRecord step_record(int64_t attempt, int64_t step) {
  StepRecord r;
  r.attempt = attempt;
  r.step = step;
  r.text_bytes = 1000 * step;
  r.flops_useful = 1e6 * static_cast<double>(step);
  r.loss_bpb = 3.0 / static_cast<double>(step);
  r.seconds = 0.5;
  return r;
}

EndRecord end_record(int64_t attempt, int64_t step, const std::string& status, const std::string& cause) {
  return {attempt, step, status, cause, cause.empty() ? "" : "because of " + cause};
}

EvalRecord eval_record(int64_t attempt, int64_t step, double loss_bpb) {
  EvalRecord r;
  r.attempt = attempt;
  r.step = step;
  r.split = "heldout";
  r.loss_bpb = loss_bpb;
  return r;
}

/// A run's life: attempts that go on from a checkpoint at most five steps back, ended in every way or killed.
std::string random_journal(RandomStream& random) {
  std::string text;
  const auto write = [&](const JournalRecord& record) { text += to_json_line(record) + "\n"; };
  int64_t checkpoint = 0;
  const auto n_attempts = static_cast<int64_t>(1 + random.below(4));
  for (int64_t attempt = 1; attempt <= n_attempts; ++attempt) {
    write(AttemptRecord{.attempt = attempt, .from_step = checkpoint, .pid = 1234});
    int64_t step = checkpoint;
    for (uint64_t i = 0, n = random.below(40); i < n; ++i) {
      write(step_record(attempt, ++step));
      if (step % 5 == 0) write(CheckpointRecord{attempt, checkpoint = step, "checkpoints/step"});
    }
    const bool last = attempt == n_attempts;
    switch (random.below(4)) {
      case 0:
        break;  // killed
      case 1:
        write(end_record(attempt, step, "interrupted", "signal"));
        break;
      case 2:
        write(end_record(attempt, step, "failed", "oom"));
        break;
      default:
        if (!last) break;
        write(eval_record(attempt, step, 2.5));
        write(GateRecord{attempt, step, "causal", "pass", 0, ""});
        write(end_record(attempt, step, "done", ""));
    }
  }
  return text;
}

void compare(const RunDir& run, const std::string& text) {
  write_file_atomic(run.journal(), text);
  const JournalSummary whole = summarize(read_journal(run.journal()));
  const RunState tail = read_run_state(run);
  CHECK(tail.status == (whole.status == "running" ? "interrupted" : whole.status));
  CHECK(tail.cause == whole.cause);
  CHECK(tail.message == whole.message);
  CHECK(tail.step == whole.last_step);
  CHECK(tail.last.has_value() == whole.last.has_value());
  if (tail.last && whole.last) CHECK(tail.last->step == whole.last->step);
  if (whole.status == "done") {
    REQUIRE(tail.heldout_bpb);
    CHECK(*tail.heldout_bpb == whole.final_eval->loss_bpb);
    CHECK(tail.gate_verdict == whole.final_gate->verdict);
  }
}

}  // namespace

TEST_CASE("the tail of a journal tells status, cause and step as the whole journal does", "[sweep]") {
  const Folder folder;
  const RunDir run{folder.path};
  RandomStream random(3, "journals");
  for (int i = 0; i < 300; ++i) compare(run, random_journal(random));
}

TEST_CASE("a journal that was cut at any byte is read up to its last whole line", "[sweep]") {
  const Folder folder;
  const RunDir run{folder.path};
  RandomStream random(4, "journals");
  const std::string text = random_journal(random);
  for (size_t length = 0; length < text.size(); length += 7) compare(run, text.substr(0, length));
}

TEST_CASE("a run whose lock is held is running, whatever its journal says but done", "[sweep]") {
  const Folder folder;
  const RunDir run{folder.path};
  CHECK(read_run_state(run).status == "new");
  const FileLock lock(run.lock());
  CHECK(read_run_state(run).status == "running");
  write_file_atomic(run.journal(), to_json_line(end_record(1, 3, "failed", "nan")) + "\n");
  CHECK(read_run_state(run).status == "running");
  write_file_atomic(run.journal(), to_json_line(end_record(1, 3, "done", "")) + "\n");
  CHECK(read_run_state(run).status == "done");
}

TEST_CASE("speed is that of the last steps: bytes, FLOPs and seconds a step", "[sweep]") {
  const Folder folder;
  const RunDir run{folder.path};
  std::string text;
  for (int64_t step = 1; step <= 50; ++step) text += to_json_line(step_record(1, step)) + "\n";
  write_file_atomic(run.journal(), text);
  const RunState state = read_run_state(run);
  CHECK(state.seconds_per_step == Approx(0.5));
  CHECK(state.bytes_per_second == Approx(2000));
  CHECK(state.flops_per_second == Approx(2e6));
}

TEST_CASE("the loss that tuning sees: the held-out one, infinite when it left the numbers, none otherwise",
          "[sweep]") {
  RunState state;
  CHECK(!loss_of(state));
  state.status = "done";
  CHECK(!loss_of(state));
  state.heldout_bpb = 2.25;
  CHECK(*loss_of(state) == 2.25);
  state.heldout_bpb = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isinf(*loss_of(state)));
  state = {};
  state.status = "failed";
  for (const char* cause : {"nan", "diverged"}) {
    state.cause = cause;
    CHECK(std::isinf(*loss_of(state)));
  }
  for (const char* cause : {"oom", "disk", "gate", "crash", "signal", "config"}) {
    state.cause = cause;
    CHECK(!loss_of(state));
  }
}

TEST_CASE("only failures that would come out the same are final", "[sweep]") {
  for (const char* cause : {"nan", "diverged", "gate"}) CHECK(is_deterministic(cause));
  for (const char* cause : {"oom", "disk", "crash", "signal", "config"}) CHECK(!is_deterministic(cause));
}

TEST_CASE("a machine to estimate for is named by kind and count", "[sweep]") {
  SpeedBook speeds(RunsRoot{"/nonexistent"});
  for (const char* word : {"h100:8", "h200:1", "cpu:2", "cpu"}) CHECK_NOTHROW(speeds.assume_machine(word));
  for (const char* word : {"", "a100:8", "h100:0", "h100:x", "h100:8:1", "h100:", "slurm"}) {
    CHECK_THROWS_WITH(
        speeds.assume_machine(word),
        std::string("--on: expected cpu:N, h100:N, h200:N or slurm:PROFILE, got '") + word + "'");
  }
}
