// Ctrl-C, a killed supervisor, a killed machine: nothing is lost, nothing is done twice.
#include "core/file.h"
#include "core/random.h"
#include "fixture.h"
#include "sweep/run_state.h"

#include <catch2/catch.hpp>

#include <signal.h>
#include <unistd.h>

using namespace aunet;
using Catch::Contains;

namespace {

constexpr int64_t kCheckpointSteps = 5;  // of the fake trainer

void wait_for_steps(const SweepFixture& fixture, Process& process, int64_t n_steps) {
  for (int i = 0; i < 2000 && process.running(); ++i) {
    int64_t steps = 0;
    for (const auto& [key, journal] : fixture.journals()) steps += steps_executed(journal);
    if (steps >= n_steps) return;
    usleep(5000);
  }
}

bool any_running(const SweepFixture& fixture) {
  for (const auto& [key, journal] : fixture.journals()) {
    if (read_run_state(fixture.runs().run(key)).status == "running") return true;
  }
  return false;
}

void check_all_done(const SweepFixture& fixture) {
  const auto journals = fixture.journals();
  for (const std::string& key : fixture.planned_keys()) {
    INFO(key);
    REQUIRE(journals.count(key) == 1);
    CHECK(summarize(journals.at(key)).status == "done");
  }
}

}  // namespace

TEST_CASE("Ctrl-C lets the runs checkpoint, exits 75, and the same command goes on from there", "[cli]") {
  const SweepFixture fixture;
  const auto process = fixture.start_sweep("step_ms=10");
  wait_for_steps(fixture, *process, 30);
  process->signal(SIGINT);
  const Finished stopped = process->wait();
  INFO(stopped.out << stopped.err);
  CHECK(stopped.code == 75);
  CHECK_THAT(stopped.out, Contains("interrupted; the same command goes on from here"));
  CHECK(!any_running(fixture));
  int64_t interrupted = 0;
  for (const auto& [key, journal] : fixture.journals()) {
    const JournalSummary summary = summarize(journal);
    CHECK((summary.status == "done" || summary.status == "interrupted"));
    if (summary.status != "interrupted") continue;
    ++interrupted;
    CHECK(summary.latest_checkpoint);
  }
  CHECK(interrupted >= 1);
  CHECK(exists(fixture.path("sweep.db")));

  REQUIRE(fixture.start_sweep("")->wait().code == 0);
  check_all_done(fixture);
  // an orderly stop costs no step
  for (const auto& [key, journal] : fixture.journals()) {
    CHECK(steps_executed(journal) == summarize(journal).last_step);
  }
}

TEST_CASE("the timeout stops a sweep like a signal", "[cli]") {
  const SweepFixture fixture;
  CHECK(fixture.start_sweep("step_ms=20", {"--timeout", "0.5"})->wait().code == 75);
  CHECK(!any_running(fixture));
}

TEST_CASE("the second Ctrl-C kills the runs; the sweep is still resumable", "[cli]") {
  const SweepFixture fixture;
  const auto process = fixture.start_sweep("step_ms=3000");  // a step too long to wait for
  while (!any_running(fixture) && process->running()) usleep(10000);
  usleep(200000);
  process->signal(SIGINT);
  usleep(300000);
  CHECK(process->running());
  process->signal(SIGINT);
  CHECK(process->wait().code == 75);
  CHECK(!any_running(fixture));
  REQUIRE(fixture.start_sweep("")->wait().code == 0);
  check_all_done(fixture);
}

TEST_CASE("runs survive a supervisor that is killed five times, and no step is done twice", "[cli]") {
  const SweepFixture fixture;
  RandomStream random(11, "when to kill");
  int kills = 0;
  for (; kills < 5; ++kills) {
    const auto process = fixture.start_sweep("step_ms=5");
    usleep(static_cast<useconds_t>(100000 + random.below(500000)));
    if (!process->running()) break;
    process->signal(SIGKILL);
    process->wait();
  }
  CHECK(kills == 5);
  const Finished last = fixture.start_sweep("step_ms=5")->wait();
  INFO(last.out << last.err);
  REQUIRE(last.code == 0);
  check_all_done(fixture);
  for (const auto& [key, journal] : fixture.journals()) {
    const JournalSummary summary = summarize(journal);
    INFO(key);
    CHECK(summary.attempts == 1);
    CHECK(summary.steps_executed == summary.last_step);
  }
}

TEST_CASE("when supervisor and runs are killed together, at most a checkpoint interval a run is repeated",
          "[cli]") {
  const SweepFixture fixture;
  RandomStream random(12, "when to kill");
  for (int kill = 0; kill < 5; ++kill) {
    const auto process = fixture.start_sweep("step_ms=5");
    usleep(static_cast<useconds_t>(150000 + random.below(400000)));
    process->signal(SIGKILL);
    process->wait();
    for (const auto& [key, journal] : fixture.journals()) {
      if (read_run_state(fixture.runs().run(key)).status != "running") continue;
      int64_t pid = 0;
      for (const JournalRecord& record : journal) {
        if (const auto* attempt = std::get_if<AttemptRecord>(&record)) pid = attempt->pid;
      }
      if (pid > 0) ::kill(static_cast<pid_t>(pid), SIGKILL);
    }
  }
  REQUIRE(fixture.start_sweep("")->wait().code == 0);
  check_all_done(fixture);
  for (const auto& [key, journal] : fixture.journals()) {
    const JournalSummary summary = summarize(journal);
    INFO(key);
    CHECK(summary.steps_executed <= summary.last_step + (summary.attempts - 1) * kCheckpointSteps);
  }
}

TEST_CASE("a stop reaches the runs that an earlier supervisor left behind", "[cli]") {
  const SweepFixture fixture;
  const auto first = fixture.start_sweep("step_ms=50");
  wait_for_steps(fixture, *first, 5);
  first->signal(SIGKILL);
  first->wait();
  REQUIRE(any_running(fixture));
  const auto second = fixture.start_sweep("step_ms=50");
  usleep(300000);
  second->signal(SIGTERM);
  const Finished stopped = second->wait();
  INFO(stopped.err);
  CHECK(stopped.code == 75);
  CHECK(!any_running(fixture));
}
