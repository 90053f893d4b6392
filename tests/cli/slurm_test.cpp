// aunet sweep --launcher slurm against a Slurm that is played by three shell scripts (fake_slurm/); the same
// with a real one is tests/slurm/real.sh. And the other ways to run cells elsewhere: work, command:,
// --export-jobs.
#include "core/file.h"
#include "core/text.h"
#include "fixture.h"
#include "sweep/run_state.h"
#include "sweep/stop_request.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <signal.h>
#include <unistd.h>

using namespace aunet;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

class FakeSlurm {
 public:
  explicit FakeSlurm(const SweepFixture& fixture) : fixture_(fixture), folder_(fixture.path("slurm")) {
    make_directories(folder_);
  }

  Environment environment(const std::string& fake, const Environment& more = {}) const {
    Environment all = {"PATH=" AUNET_FAKE_SLURM ":" + std::string(std::getenv("PATH")),
                       "FAKE_SLURM=" + folder_, "AUNET_TRAINER=" AUNET_FAKE_TRAINER, "AUNET_FAKE=" + fake};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  Finished sweep(const std::vector<std::string>& more = {}, const Environment& variables = {}) const {
    std::vector<std::string> words = {AUNET_BIN_DIR "/aunet",
                                      "sweep",
                                      fixture_.path("sweep.toml"),
                                      "--runs",
                                      fixture_.runs().path,
                                      "--db",
                                      fixture_.path("sweep.db"),
                                      "--launcher",
                                      launcher};
    words.insert(words.end(), more.begin(), more.end());
    return run(words, environment("step_ms=0", variables), fixture_.path("output"));
  }

  /// Lines of the queue: [job, task or "N/A"].
  std::vector<std::pair<std::string, std::string>> queue() const {
    std::vector<std::pair<std::string, std::string>> tasks;
    if (!exists(folder_ + "/queue")) return tasks;
    for (const std::string& line : split_on(trim(read_file(folder_ + "/queue")), '\n')) {
      const auto words = split_on(line, ' ');
      if (words.size() >= 2) tasks.emplace_back(words[0], words[1]);
    }
    return tasks;
  }

  /// What the first of the queue finds in its environment.
  Environment environment_of_first(const std::string& fake, const Environment& variables = {}) const {
    const auto [job, task] = queue().at(0);
    Environment all = environment(fake, variables);
    all.push_back("SLURM_JOB_ID=" + job);
    if (task != "N/A") {
      all.push_back("SLURM_ARRAY_JOB_ID=" + job);
      all.push_back("SLURM_ARRAY_TASK_ID=" + task);
    }
    return all;
  }

  /// Runs the first of the queue, as a node would, and takes it off. `lost`: takes it off without running it.
  Finished run_first(const std::string& fake, const Environment& variables = {}, bool lost = false) const {
    const auto [job, task] = queue().at(0);
    const Environment all = environment_of_first(fake, variables);
    const Finished finished = lost ? Finished{} : run({"/bin/bash", script(job)}, all, fixture_.path("task"));
    // What the job itself has submitted stands behind it in the queue.
    std::string rest;
    for (const auto& [j, t] : queue())
      if (j != job || t != task) rest += j + " " + t + " x\n";
    write_file_atomic(folder_ + "/queue", rest);
    return finished;
  }

  std::string script(const std::string& job) const { return folder_ + "/" + job + ".sh"; }
  std::string launcher = "slurm";
  std::string arguments(const std::string& job) const { return read_file(folder_ + "/" + job + ".args"); }
  std::string noted() const { return exists(folder_ + "/scontrol") ? read_file(folder_ + "/scontrol") : ""; }

 private:
  const SweepFixture& fixture_;
  std::string folder_;
};

size_t count_done(const SweepFixture& fixture) {
  size_t n = 0;
  for (const auto& [key, journal] : fixture.journals()) n += summarize(journal).status == "done";
  return n;
}

}  // namespace

TEST_CASE("a sweep goes through Slurm in rounds, tuning and all, without a supervisor", "[cli][slurm]") {
  const SweepFixture fixture;
  const FakeSlurm slurm(fixture);
  const Finished first = slurm.sweep();
  INFO(first.out << first.err);
  REQUIRE(first.code == 0);
  CHECK_THAT(first.out, Contains("submitted as job 101") && Contains("job 102 plans again"));
  int n_jobs = 0;
  while (!slurm.queue().empty()) {
    REQUIRE(++n_jobs < 200);
    const Finished task = slurm.run_first("step_ms=0");
    INFO(task.out << task.err);
    REQUIRE(task.code == 0);
  }
  const Finished last = slurm.sweep();
  INFO(last.out << last.err);
  CHECK(last.code == 0);
  CHECK_THAT(last.out, Contains("0 failed, 0 not run"));
  for (const std::string& key : fixture.planned_keys()) {
    const JournalSummary summary = summarize(fixture.journals().at(key));
    CHECK(summary.status == "done");
    CHECK(summary.attempts == 1);
  }
  CHECK(exists(fixture.path("sweep.db")));
}

TEST_CASE("what is in the queue is not submitted twice; what was lost is submitted again", "[cli][slurm]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  const FakeSlurm slurm(fixture);
  REQUIRE(slurm.sweep().code == 0);
  REQUIRE(slurm.queue().size() == 9);  // 8 cells and the job that plans again
  const Finished again = slurm.sweep();
  CHECK(again.code == 0);
  CHECK_THAT(again.out, Contains("nothing to submit: 8 runs are queued or running"));
  CHECK(slurm.queue().size() == 9);
  for (int i = 0; i < 5; ++i) slurm.run_first("step_ms=0");
  for (int i = 0; i < 3; ++i) slurm.run_first("", {}, true);
  const Finished planner = slurm.run_first("step_ms=0");
  INFO(planner.out << planner.err);
  CHECK(planner.code == 0);
  CHECK(slurm.queue().size() == 4);
  while (!slurm.queue().empty()) slurm.run_first("step_ms=0");
  CHECK(count_done(fixture) == 8);
}

TEST_CASE("without an answer of Slurm nothing is submitted on a guess", "[cli][slurm]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  const FakeSlurm slurm(fixture);
  const Finished down = slurm.sweep({}, {"FAKE_SLURM_DOWN=1"});
  CHECK(down.code == 1);
  CHECK_THAT(down.err, Contains("squeue: slurm_load_jobs error: Unable to contact slurm controller"));
  CHECK(slurm.queue().empty());
}

TEST_CASE("a task whose time is over checkpoints and goes back into the queue as its last act",
          "[cli][slurm]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  const FakeSlurm slurm(fixture);
  write_file_atomic(fixture.path("profile.toml"), "time = \"2min\"\nmargin = \"118.5s\"\nat_once = 3\n");
  const std::vector<std::string> words = {AUNET_BIN_DIR "/aunet",
                                          "sweep",
                                          fixture.path("sweep.toml"),
                                          "--runs",
                                          fixture.runs().path,
                                          "--db",
                                          fixture.path("sweep.db"),
                                          "--launcher",
                                          "slurm:" + fixture.path("profile.toml")};
  REQUIRE(run(words, slurm.environment(""), fixture.path("output")).code == 0);
  const std::string job = slurm.queue().at(0).first;
  CHECK_THAT(read_file(slurm.script(job)), Contains("#SBATCH --array=0-7%3\n") &&
                                               Contains("--time=00:02:00\n") && Contains("--requeue\n") &&
                                               Contains("--open-mode=append\n"));
  const Finished task = slurm.run_first("step_ms=400", {"FAKE_SLURM_LEFT=0:03"});
  CHECK_THAT(task.err, Contains("--margin: 118.5 s is more than half of the 3 s that are left"));
  CHECK(task.code == -SIGKILL);
  CHECK_THAT(slurm.noted(), Contains(fmt::format("requeue {}_0", job)));
  size_t interrupted = 0;
  for (const auto& [key, journal] : fixture.journals()) {
    const JournalSummary summary = summarize(journal);
    if (summary.status != "interrupted") continue;
    ++interrupted;
    CHECK(summary.latest_checkpoint);
  }
  CHECK(interrupted == 1);
  REQUIRE(slurm.sweep().code == 0);
  while (!slurm.queue().empty()) slurm.run_first("step_ms=0");
  CHECK(count_done(fixture) == 8);
  for (const auto& [key, journal] : fixture.journals())
    CHECK(steps_executed(journal) == summarize(journal).last_step);
}

TEST_CASE("a stopped sweep submits nothing more and its tasks end at once", "[cli][slurm]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  const FakeSlurm slurm(fixture);
  REQUIRE(slurm.sweep().code == 0);
  slurm.run_first("step_ms=0");
  const Finished stop = fixture.aunet({"stop", "small", "--runs", fixture.runs().path});
  INFO(stop.out << stop.err);
  CHECK(stop.code == 0);
  CHECK_THAT(stop.out, Contains("`scancel 101 102` takes them out of the queue"));
  while (slurm.queue().size() > 1) CHECK(slurm.run_first("step_ms=0").code == 75);
  CHECK(slurm.run_first("step_ms=0").code == 75);
  CHECK(slurm.queue().empty());
  CHECK(count_done(fixture) == 1);
  REQUIRE(slurm.sweep().code == 0);  // a person's call wants it again
  while (!slurm.queue().empty()) slurm.run_first("step_ms=0");
  CHECK(count_done(fixture) == 8);
}

TEST_CASE("a run that keeps dying under Slurm fails after its limit and is not submitted for ever",
          "[cli][slurm]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  const FakeSlurm slurm(fixture);
  REQUIRE(slurm.sweep({"--set", "retry.preempted=2"}).code == 0);
  int n = 0;
  while (!slurm.queue().empty()) {
    REQUIRE(++n < 50);
    slurm.run_first("crash=bpe");
  }
  for (const auto& [key, journal] : fixture.journals()) {
    const JournalSummary summary = summarize(journal);
    CHECK((summary.status == "done" || summary.cause == "preempted"));
    CHECK(summary.attempts == (summary.status == "done" ? 1 : 3));
  }
  CHECK(count_done(fixture) == 4);
}

TEST_CASE("an evaluation that cannot be made is told and not submitted for ever; its runs stay done",
          "[cli][slurm]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  write_file_atomic(fixture.path("sweep.toml"), read_file(fixture.path("sweep.toml")) +
                                                    "\n[[eval]]\nname = \"typos\"\ncorrupt = \"typos\"\n");
  const FakeSlurm slurm(fixture);
  for (int call = 0; call < 5; ++call) {  // more often than [retry] preempted allows
    REQUIRE(slurm.sweep().code == 0);
    int n = 0;
    Finished last;
    while (!slurm.queue().empty()) {
      REQUIRE(++n < 30);
      last = slurm.run_first("step_ms=0 lost_text=typos");
    }
    INFO(last.out << last.err);
    CHECK(last.code == 1);
    CHECK_THAT(last.out, Contains("not evaluated") && Contains("typos") && Contains("0 failed"));
    CHECK(count_done(fixture) == 8);
  }
  REQUIRE(slurm.sweep().code == 0);
  while (!slurm.queue().empty()) CHECK(slurm.run_first("step_ms=0").code == 0);
}

TEST_CASE("a run whose tasks end before its trainer begins fails in the end", "[cli][slurm]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  const FakeSlurm slurm(fixture);
  REQUIRE(slurm.sweep({"--set", "retry.preempted=2"}).code == 0);
  int n = 0;
  const auto drain = [&] {
    while (!slurm.queue().empty()) {
      REQUIRE(++n < 60);
      const bool lost = slurm.queue().at(0).second == "0";  // of every round the first task
      slurm.run_first("step_ms=0", {}, lost);
    }
  };
  drain();
  CHECK(count_done(fixture) == 7);
  const auto failed = [&] {
    size_t n_failed = 0;
    for (const auto& [key, journal] : fixture.journals()) {
      const JournalSummary summary = summarize(journal);
      if (summary.status != "failed") continue;
      ++n_failed;
      CHECK(summary.cause == "preempted");
      CHECK_THAT(summary.message, Contains("3 jobs in a row ended before its trainer began") &&
                                      Contains("/plans/small.slurm/round-3-0.log"));
    }
    return n_failed;
  };
  CHECK(failed() == 1);
  REQUIRE(slurm.sweep({"--set", "retry.preempted=2"}).code == 0);  // a person asks: the count begins anew
  CHECK(slurm.queue().size() == 2);
  n = 0;
  drain();
  CHECK(n == 6);
  REQUIRE(slurm.sweep().code == 0);
  while (!slurm.queue().empty()) slurm.run_first("step_ms=0");
  CHECK(count_done(fixture) == 8);
}

TEST_CASE("a task that is preempted with a grace goes back into the queue; a stop file ends it",
          "[cli][slurm]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  const FakeSlurm slurm(fixture);
  REQUIRE(slurm.sweep().code == 0);
  const auto start = [&] {
    return std::make_unique<Process>(
        std::vector<std::string>{"/bin/bash", slurm.script(slurm.queue().at(0).first)},
        slurm.environment_of_first("step_ms=200"), fixture.path("task"));
  };
  const auto begun = [&] {
    const auto journals = fixture.journals();
    return !journals.empty() && read_run_state(fixture.runs().run(journals.begin()->first)).step > 0;
  };
  const auto preempted = start();
  while (preempted->running() && !begun()) usleep(5000);
  preempted->signal(SIGTERM);
  CHECK(preempted->wait().code == -SIGKILL);
  CHECK_THAT(slurm.noted(), Contains("requeue 101_0"));
  const auto stopped = start();
  const std::string key = fixture.journals().begin()->first;
  while (stopped->running() && read_run_state(fixture.runs().run(key)).status != "running") usleep(5000);
  ask_to_stop(fixture.runs().run(key).stop());
  usleep(1200000);  // until the file was seen
  stopped->signal(SIGTERM);
  CHECK(stopped->wait().code == 75);
}

TEST_CASE("the job that plans again goes back into the queue when it cannot", "[cli][slurm]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  const FakeSlurm slurm(fixture);
  REQUIRE(slurm.sweep().code == 0);
  while (slurm.queue().size() > 1) slurm.run_first("step_ms=0");
  const auto before = read_file(fixture.path("slurm/queue"));
  {
    const FileLock other(fixture.runs().sweep_lock("small"));
    CHECK(slurm.run_first("").code == -SIGKILL);
    CHECK(slurm.noted() == "requeue 102\n");
    write_file_atomic(fixture.path("slurm/queue"), before);
    CHECK(slurm.run_first("", {"SLURM_RESTART_COUNT=20"}).code == 1);
    CHECK(slurm.noted() == "requeue 102\n");
    write_file_atomic(fixture.path("slurm/queue"), before);
  }
  const Finished away = slurm.run_first("", {"FAKE_SLURM_AWAY=1"});  // the first question finds nobody
  CHECK(away.code == 0);
  CHECK_THAT(away.err, Contains("squeue: slurm_load_jobs error: Unable to contact slurm controller: asking"));
  CHECK(slurm.queue().empty());
}

TEST_CASE("so many at once holds for the sweep, and a run that is worked on elsewhere keeps the chain",
          "[cli][slurm]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  FakeSlurm slurm(fixture);
  write_file_atomic(fixture.path("profile.toml"), "at_once = 2\n");
  slurm.launcher = "slurm:" + fixture.path("profile.toml");
  REQUIRE(fixture
              .aunet({"plan", fixture.path("sweep.toml"), "--runs", fixture.runs().path,
                      "--export-jobs=" + fixture.path("jobs")})
              .code == 0);
  const std::string key = fixture.prepared_keys().at(0);
  REQUIRE(slurm.sweep({"--only", key}).code == 0);  // 101, and 102 plans again
  CHECK_THAT(slurm.arguments("101"), !Contains("dependency"));
  REQUIRE(slurm.sweep().code == 0);
  CHECK_THAT(slurm.arguments("103"), Contains("--dependency=afterany:101 "));
  while (!slurm.queue().empty()) slurm.run_first("step_ms=0");
  CHECK(count_done(fixture) == 8);
  remove_tree(fixture.runs().run(key).journal());
  const FileLock somebody(fixture.runs().run(key).lock());
  const Finished waiting = slurm.sweep();
  INFO(waiting.out << waiting.err);
  CHECK(waiting.code == 0);
  REQUIRE(slurm.queue().size() == 1);
  CHECK_THAT(slurm.arguments(slurm.queue().at(0).first), Contains("--begin=now+600 "));
  CHECK_THAT(slurm.sweep().out, Contains("nothing to submit: 1 runs"));
  CHECK(slurm.queue().size() == 1);
}

TEST_CASE("stop KEY reaches a task that still waits", "[cli][slurm]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  const FakeSlurm slurm(fixture);
  REQUIRE(slurm.sweep().code == 0);
  const std::string key = fixture.prepared_keys().at(0);
  const Finished stop = fixture.aunet({"stop", key, "--runs", fixture.runs().path});
  CHECK(stop.code == 0);
  CHECK_THAT(stop.out, Contains(key + ": does not run, and does not start until"));
  int n_stopped = 0;
  while (slurm.queue().size() > 1) n_stopped += slurm.run_first("step_ms=0").code == 75;
  CHECK(n_stopped == 1);
  CHECK(slurm.run_first("").code == 75);
  CHECK(slurm.queue().empty());
  CHECK(count_done(fixture) == 7);
}

TEST_CASE("work: limits hold for each cause, and evaluations alone never fail a done run", "[cli][work]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  write_file_atomic(fixture.path("sweep.toml"), read_file(fixture.path("sweep.toml")) +
                                                    "\n[[eval]]\nname = \"typos\"\ncorrupt = \"typos\"\n");
  REQUIRE(fixture
              .aunet({"plan", fixture.path("sweep.toml"), "--runs", fixture.runs().path,
                      "--export-jobs=" + fixture.path("jobs")})
              .code == 0);
  const auto work = [&](const std::string& key, const std::string& fake) {
    return fixture.aunet({"work", fixture.runs().run(key).path, "--retry", "preempted=1,crash=4"}, fake);
  };
  size_t n_done = 0;
  for (const std::string& key : fixture.prepared_keys()) {
    CHECK(work(key, "segv=bpe lost_text=typos").code == 1);
    const JournalSummary summary = summarize(fixture.journals().at(key));
    if (summary.status == "failed") {
      CHECK(summary.cause == "signal");
      CHECK(summary.attempts == 5);
      continue;
    }
    ++n_done;
    for (int round = 0; round < 5; ++round) CHECK(work(key, "lost_text=typos").code == 1);
    CHECK(summarize(fixture.journals().at(key)).status == "done");
    CHECK(work(key, "").code == 0);
  }
  CHECK(n_done == 4);
}

TEST_CASE("--export-jobs: a branch starts from its parent, whose line comes first", "[cli][work]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  write_file_atomic(fixture.path("sweep.toml"),
                    read_file(fixture.path("sweep.toml")) + "\n[schedule]\nkind = \"wsd\"\n");
  const Finished exported = fixture.aunet({"plan", fixture.path("sweep.toml"), "--runs", fixture.runs().path,
                                           "--export-jobs=" + fixture.path("jobs")});
  INFO(exported.out << exported.err);
  REQUIRE(exported.code == 0);
  const std::string jobs = read_file(fixture.path("jobs"));
  size_t n_branches = 0;
  for (const std::string& key : fixture.prepared_keys()) {
    const std::string toml = read_file(fixture.runs().run(key).run_toml());
    const size_t at = toml.find("parent = \"");
    if (at == std::string::npos) continue;
    ++n_branches;
    const std::string parent = toml.substr(at + 10, 16);
    CHECK(jobs.find(parent) < jobs.find(key));
  }
  CHECK(n_branches == 4);
}

TEST_CASE("work: one run to its end, in time, with its limits", "[cli][work]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  const Finished exported = fixture.aunet({"plan", fixture.path("sweep.toml"), "--runs", fixture.runs().path,
                                           "--export-jobs=" + fixture.path("jobs")});
  INFO(exported.err);
  REQUIRE(exported.code == 0);
  const std::vector<std::string> jobs = split_on(trim(read_file(fixture.path("jobs"))), '\n');
  REQUIRE(jobs.size() == 8);
  const auto work = [&](const std::string& line, const std::string& fake, const Environment& more = {}) {
    Environment all = {"AUNET_TRAINER=" AUNET_FAKE_TRAINER, "AUNET_FAKE=" + fake};
    all.insert(all.end(), more.begin(), more.end());
    return run({"/bin/sh", "-c", "exec " + line}, all, fixture.path("work"));
  };
  const Finished late = work(jobs[0] + " --limit 1 --margin 100", "step_ms=200");
  CHECK(late.code == 75);
  CHECK_THAT(late.out, Contains("the time limit; the run can go on"));
  for (const std::string& line : jobs) CHECK(work(line, "step_ms=0").code == 0);
  CHECK(count_done(fixture) == 8);
  CHECK_THAT(work(jobs[0], "").out, Contains("done already"));
  CHECK(work(jobs[0] + " --retry crash=x", "").code == 2);
  CHECK_THAT(work(jobs[0] + " --limit 0.5", "").err, Contains("no time to work in: 0.5 s are left"));
  CHECK(work(jobs[0] + " --limit 0.5", "").code == 2);
  CHECK(work(jobs[0] + " --deadline 1000", "").code == 2);
  CHECK(fixture.aunet({"work"}).code == 2);
}

TEST_CASE("command: a template runs each cell; a stop reaches it by file", "[cli][command]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  const std::string marks = fixture.path("marks");
  const auto process = fixture.start_sweep(
      "step_ms=20", {"--launcher", "command:echo {key} {threads} >> " + marks + "; exec {command}"});
  while (process->running() && fixture.journals().size() < 2) usleep(10000);
  process->signal(SIGINT);
  CHECK(process->wait().code == 75);
  for (const auto& [key, journal] : fixture.journals())
    CHECK((summarize(journal).status == "interrupted" || summarize(journal).status == "done"));
  const auto rest = fixture.start_sweep("", {"--launcher", "command:{command}"})->wait();
  INFO(rest.out << rest.err);
  CHECK(rest.code == 0);
  CHECK(count_done(fixture) == 8);
  CHECK_THAT(read_file(marks), Contains(" 1\n"));
  CHECK(fixture.start_sweep("", {"--launcher", "command:true"})->wait().code == 2);
  CHECK(fixture.start_sweep("", {"--launcher", "command:{command} {host}"})->wait().code == 2);
  CHECK(fixture.start_sweep("", {"--launcher", "lokal"})->wait().code == 2);
}
