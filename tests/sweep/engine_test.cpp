// The parts of the supervisor that need no process: retry limits, places, stalls, memory, the sweep's lock.
#include "config/sweep_spec.h"
#include "core/error.h"
#include "core/file.h"
#include "core/machine.h"
#include "sweep/host_memory.h"
#include "sweep/retry.h"
#include "sweep/slots.h"
#include "sweep/stall_watch.h"
#include "sweep/sweep_lock.h"
#include "tests/core/temporary_folder.h"

#include <catch2/catch.hpp>

#include <csignal>
#include <unistd.h>

using namespace aunet;
using Catch::Contains;
using Catch::EndsWith;

TEST_CASE("causes of a journal and of a process fall under those that [retry] limits", "[sweep][retry]") {
  CHECK(retry_cause("diverged") == "nan");
  CHECK(retry_cause("signal") == "crash");
  CHECK(retry_cause("") == "preempted");
  CHECK(retry_cause("oom") == "oom");
  for (const char* never : {"gate", "config", "disk", "journal", "retry"}) CHECK(retry_cause(never).empty());
  CHECK(cause_of({-1, SIGKILL}, 0) == "preempted");
  CHECK(cause_of({-1, SIGKILL}, 1) == "oom");  // the kernel has been killing meanwhile
  CHECK(cause_of({-1, SIGTERM}, 1) == "preempted");
  CHECK(cause_of({-1, SIGSEGV}, 1) == "signal");
  CHECK(cause_of({75, 0}, 0) == "preempted");
  CHECK(cause_of({2, 0}, 0) == "config");
  CHECK(cause_of({1, 0}, 0) == "crash");
}

TEST_CASE("limits count ends in a row; progress begins anew, but never for nan", "[sweep][retry]") {
  RetryCount count(RetrySpec{.preempted = 2, .timeout = 0, .oom = 1, .nan = 1, .crash = 1});
  CHECK(count.allows("preempted", false));
  CHECK(count.allows("crash", false));
  CHECK(count.allows("preempted", false));
  CHECK(!count.allows("preempted", false));
  CHECK(!count.allows("crash", false));
  for (int i = 0; i < 100; ++i) CHECK(count.allows("preempted", true));
  CHECK(count.allows("crash", false));
  CHECK(!count.allows("timeout", true));  // a limit of 0 is: never
  CHECK(count.allows("nan", true));
  CHECK(!count.allows("nan", true));
  CHECK(!count.allows("", true));
}

TEST_CASE("[retry] and [notify] are read, ranged, and no key's business", "[sweep][retry]") {
  const std::string text = R"(
[sweep]
name = "s"
[data]
train = ["a.jsonl"]
heldout = ["b.jsonl"]
[budget]
flops = [1e9]
[[family]]
name = "f"
model = { kind = "llama", tokenizer = { train = true, vocab = 300 } }
sizes = { dims = [16], layers = [1] }
)";
  const SweepSpec silent = parse_sweep_spec(text, "s.toml");
  CHECK(silent.retry.preempted == 3);
  CHECK(silent.retry.nan == 0);
  CHECK(silent.notify.command.empty());
  const SweepSpec spoken = parse_sweep_spec(
      text + "[retry]\ncrash = 7\n[notify]\ncommand = \"true\"\nstall_after = \"2min\"\n", "s.toml");
  CHECK(spoken.retry.crash == 7);
  CHECK(spoken.notify.command == "true");
  CHECK(spoken.notify.stall_seconds == 120);
  CHECK_THROWS_WITH(parse_sweep_spec(text + "[retry]\noom = -1\n", "s.toml"),
                    Contains("s.toml:14:7: retry.oom: expected an integer in 0 .. 1000, got -1"));
  CHECK_THROWS_WITH(parse_sweep_spec(text + "[retry]\nsignal = 1\n", "s.toml"), Contains("signal"));
}

TEST_CASE("places: so many at a time, or the GPU with the fewest", "[sweep][slots]") {
  const Slots cores(2, {}, 1);
  CHECK(cores.size() == 2);
  CHECK(cores.next({Placement{}}));
  CHECK(!cores.next({Placement{}, Placement{}}));
  const Slots gpus(1, {"0", "3"}, 2);
  CHECK(gpus.size() == 4);
  CHECK(gpus.next({})->gpu == "0");
  CHECK(gpus.next({{"0"}})->gpu == "3");
  CHECK(gpus.next({{"0"}, {"3"}})->gpu == "0");
  CHECK(gpus.next({{"0"}, {"3"}, {"0"}})->gpu == "3");
  CHECK(!gpus.next({{"0"}, {"3"}, {"0"}, {"3"}}));
  CHECK(!gpus.next({{"0"}, {""}, {"0"}, {"3"}}));  // an adopted run is somewhere
  CHECK(parse_gpus("--gpus", "0, 2") == std::vector<std::string>{"0", "2"});
  for (const char* wrong : {"", "0,,1", "0,0"}) CHECK_THROWS_AS(parse_gpus("--gpus", wrong), ConfigError);
}

TEST_CASE("a stall is measured on the caller's clock, told once, and over with the next record",
          "[sweep][stall]") {
  const TemporaryFolder folder;
  const RunDir run{folder.path};
  StallWatch watch({.command = "", .stall_seconds = 10, .stall_factor = 20});
  AppendFile journal(run.journal());
  CHECK(!watch.look("k", run, 100));
  CHECK(!watch.look("k", run, 109));
  CHECK(watch.look("k", run, 111));
  CHECK(!watch.look("k", run, 500));
  journal.append_line(to_json_line(AttemptRecord{.attempt = 1}));
  journal.append_line(to_json_line(StepRecord{.attempt = 1, .step = 1, .seconds = 2}));
  CHECK(!watch.look("k", run, 501));
  CHECK(!watch.look("k", run, 530));  // 20 steps of 2 s are 40 s
  const auto message = watch.look("k", run, 542);
  REQUIRE(message);
  CHECK_THAT(*message, Contains("nothing new in its journal for 41 s after step 1, a step takes 2"));
  StallWatch never({.command = "", .stall_seconds = 0, .stall_factor = 20});
  never.look("k", run, 0);
  CHECK(!never.look("k", run, 1e9));
}

TEST_CASE("the second holder of a sweep's lock is told who the first one is", "[sweep]") {
  const TemporaryFolder folder;
  const RunsRoot runs{folder.path};
  CHECK(holder_of_sweep(runs, "s").pid == 0);
  {
    const SweepLock first(runs, "s");
    CHECK(holder_of_sweep(runs, "s").pid == getpid());
    CHECK_THROWS_WITH(SweepLock(runs, "s"),
                      Contains("s.lock: another `aunet sweep` is running this sweep (process ") &&
                          Contains(" on " + host_name() + ")"));
  }
  CHECK(holder_of_sweep(runs, "s").pid == 0);
  const SweepLock again(runs, "s");
}

TEST_CASE("memory of this machine and of this process can be read", "[sweep][memory]") {
  CHECK(available_memory_bytes() > 1e6);
  CHECK(resident_bytes(getpid()) > 1e5);
  CHECK(resident_bytes(int64_t{1} << 40) == 0);
  CHECK(oom_kills() >= 0);
}

TEST_CASE("a run marked for another try keeps its story and counts as interrupted", "[sweep][retry]") {
  const TemporaryFolder folder;
  const RunDir run{folder.path};
  CHECK(journal_failure(run, "crash", "exit 1") == "exit 1");
  RunState state = read_run_state(run);
  CHECK(state.status == "failed");
  CHECK(can_be_tried_again(run, state));
  CHECK(journal_retry(run));
  state = read_run_state(run);
  CHECK(state.status != "failed");
  CHECK(!can_be_tried_again(run, state));
  const auto records = read_journal(run.journal());
  REQUIRE(records.size() == 2);
  CHECK(std::get<EndRecord>(records[1]).message == "to be tried again; was crash: exit 1");
  const FileLock somebody(run.lock());
  CHECK(!journal_retry(run));
  CHECK(journal_failure(run, "crash", "exit 1").empty());
}

TEST_CASE("a done run is neither failed nor marked, whatever was seen of it before", "[sweep][retry]") {
  const TemporaryFolder folder;
  const RunDir run{folder.path};
  AppendFile journal(run.journal());
  journal.append_line(to_json_line(AttemptRecord{.attempt = 1}));
  journal.append_line(to_json_line(EndRecord{1, 5, "done", "", ""}));
  CHECK(journal_failure(run, "preempted", "again and again").empty());
  CHECK(journal_retry(run));
  CHECK(read_run_state(run).status == "done");
  CHECK(read_journal(run.journal()).size() == 2);
}

TEST_CASE("of a log the last line is read, cut where it is endless and never within a character",
          "[sweep][retry]") {
  const TemporaryFolder folder;
  const RunDir run{folder.path};
  CHECK(last_log_line(run).empty());
  write_file_atomic(run.log(), "one\ntwo\r 7 %\r 8 %\n");
  CHECK(last_log_line(run) == " 8 %");
  write_file_atomic(run.log(), std::string(1 << 20, 'x') + "\nthe end\n\n");
  CHECK(last_log_line(run) == "the end");
  std::string umlauts = "a";
  for (int i = 0; i < 500; ++i) umlauts += "\u00e4";
  write_file_atomic(run.log(), umlauts);
  const std::string line = last_log_line(run);
  CHECK(line.size() == 299 + 4);
  CHECK_THAT(line, EndsWith("\u00e4 ..."));
}
