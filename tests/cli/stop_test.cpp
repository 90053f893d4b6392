// aunet stop, retry, gc and [notify]: what a person does about a sweep that runs.
#include "core/file.h"
#include "fixture.h"
#include "sweep/run_state.h"
#include "sweep/stop_request.h"

#include <catch2/catch.hpp>

#include <signal.h>
#include <unistd.h>

using namespace aunet;
using Catch::Contains;

namespace {

bool is_running(const SweepFixture& fixture, const std::string& key) {
  return read_run_state(fixture.runs().run(key)).status == "running";
}

std::vector<std::string> running(const SweepFixture& fixture) {
  std::vector<std::string> keys;
  for (const auto& [key, journal] : fixture.journals())
    if (is_running(fixture, key)) keys.push_back(key);
  return keys;
}

void wait_for_two(const SweepFixture& fixture, Process& process) {
  while (running(fixture).size() < 2 && process.running()) usleep(5000);
}

Finished verb(const SweepFixture& fixture, std::vector<std::string> words) {
  words.insert(words.begin(), AUNET_BIN_DIR "/aunet");
  words.insert(words.end(), {"--runs", fixture.runs().path});
  return run(words, {}, fixture.path("verb"));
}

std::map<std::string, std::string> journal_texts(const SweepFixture& fixture) {
  std::map<std::string, std::string> texts;
  for (const auto& [key, journal] : fixture.journals())
    texts[key] = read_file(fixture.runs().run(key).journal());
  return texts;
}

}  // namespace

TEST_CASE("stop asks a sweep to checkpoint and end; the same sweep goes on without a lost step",
          "[cli][stop]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  const auto process = fixture.start_sweep("step_ms=20");
  wait_for_two(fixture, *process);
  const Finished stopped = verb(fixture, {"stop", fixture.path("sweep.toml")});
  INFO(stopped.out << stopped.err);
  CHECK(stopped.code == 0);
  CHECK_THAT(stopped.out, Contains("asking 1 sweeps and 2 runs to checkpoint and stop"));
  CHECK(process->wait().code == 75);
  CHECK(running(fixture).empty());
  REQUIRE(fixture.start_sweep("")->wait().code == 0);
  for (const auto& [key, journal] : fixture.journals())
    CHECK(steps_executed(journal) == summarize(journal).last_step);
}

TEST_CASE("stop KEY ends one run and leaves the rest; the next call takes it up again", "[cli][stop]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  const auto process = fixture.start_sweep("step_ms=20");
  wait_for_two(fixture, *process);
  const std::string key = running(fixture).at(0);
  const Finished stopped = verb(fixture, {"stop", key});
  INFO(stopped.out << stopped.err);
  CHECK(stopped.code == 0);
  const Finished sweep = process->wait();
  CHECK(sweep.code == 75);
  CHECK_THAT(sweep.out, Contains("7 of 8 runs done") && Contains("1 not run"));
  const JournalSummary summary = summarize(fixture.journals().at(key));
  CHECK(summary.status == "interrupted");
  CHECK(summary.attempts == 1);
  CHECK(summary.latest_checkpoint);
  CHECK(is_asked_to_stop(fixture.runs().run(key).stop()));
  CHECK(fixture.start_sweep("")->wait().code == 0);
  CHECK(!is_asked_to_stop(fixture.runs().run(key).stop()));
}

TEST_CASE("stop reaches runs whose supervisor is gone, and says when nothing runs", "[cli][stop]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  const auto process = fixture.start_sweep("step_ms=20");
  wait_for_two(fixture, *process);
  process->signal(SIGKILL);
  process->wait();
  const Finished stopped = verb(fixture, {"stop"});
  INFO(stopped.out << stopped.err);
  CHECK(stopped.code == 0);
  CHECK(running(fixture).empty());
  CHECK_THAT(verb(fixture, {"stop"}).out, Contains("nothing that runs"));
  CHECK(verb(fixture, {"stop", "zz"}).code == 2);
  CHECK(verb(fixture, {"stop", "--wait", "-1"}).code == 2);
}

TEST_CASE("a run that does not listen is named, exit 1", "[cli][stop]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  const auto process = fixture.start_sweep("step_ms=4000");
  wait_for_two(fixture, *process);
  const Finished stopped = verb(fixture, {"stop", "--wait", "0"});
  CHECK(stopped.code == 1);
  CHECK_THAT(stopped.out, Contains("still running: sweep small (process ") && Contains("still running: "));
  process->signal(SIGINT);  // the stop was the first request: this one kills
  usleep(200000);
  process->signal(SIGINT);
  CHECK(process->wait().code == 75);
}

TEST_CASE("retry marks failed runs in their journals, deletes nothing, and the next sweep tries them",
          "[cli][retry]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  REQUIRE(fixture.start_sweep("nan=bpe oom=aunet2", {"--set", "retry.oom=0"})->wait().code == 1);
  const auto before = journal_texts(fixture);
  CHECK_THAT(verb(fixture, {"retry", "--failed=preempted"}).out, Contains("0 runs marked"));
  const Finished marked = verb(fixture, {"retry", "small", "--failed=nan"});
  INFO(marked.out << marked.err);
  CHECK(marked.code == 0);
  CHECK_THAT(marked.out, Contains("4 runs marked; `aunet sweep` starts them") &&
                             Contains("to be tried again; was nan: loss is not a number"));
  for (const auto& [key, text] : journal_texts(fixture)) CHECK(text.starts_with(before.at(key)));
  int64_t open = 0;
  for (const auto& [key, journal] : fixture.journals()) open += summarize(journal).status == "interrupted";
  CHECK(open == 4);
  CHECK(fixture.start_sweep("")->wait().code == 0);
  for (const auto& [key, journal] : fixture.journals()) CHECK(summarize(journal).status == "done");
}

TEST_CASE("retry refuses what is not failed, causes that are none, and no words at all", "[cli][retry]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  REQUIRE(fixture.start_sweep("nan=bpe")->wait().code == 1);
  std::string done, failed;
  for (const auto& [key, journal] : fixture.journals())
    (summarize(journal).status == "done" ? done : failed) = key;
  const Finished refused = verb(fixture, {"retry", failed, done});
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, Contains("expected a failed or stopped run, got one that is done"));
  CHECK(summarize(fixture.journals().at(failed)).status == "failed");  // all or nothing
  CHECK_THAT(verb(fixture, {"retry", "--failed=ooom"}).err, Contains("did you mean 'oom'?"));
  CHECK_THAT(verb(fixture, {"retry"}).err, Contains("expected --failed or the keys of runs, got neither"));
  const Finished one = verb(fixture, {"retry", failed.substr(0, 10)});
  CHECK(one.code == 0);
  CHECK_THAT(one.out, Contains("1 runs marked"));
}

TEST_CASE("a bit of rubbish goes, checkpoints of done runs beyond `keep` too, journals stay", "[cli][gc]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  REQUIRE(fixture.start_sweep("checkpoint_steps=2")->wait().code == 0);
  const auto journals = journal_texts(fixture);
  const auto folders = [&] {
    size_t n = 0;
    for (const auto& [key, text] : journals)
      n += list_directory(fixture.runs().run(key).checkpoints()).size();
    return n;
  };
  const size_t before = folders();
  REQUIRE(before > 2 * journals.size());
  const Finished dry = verb(fixture, {"gc", "--dry-run"});
  CHECK_THAT(dry.out, Contains("checkpoint of a done run") && Contains("would be deleted"));
  CHECK(folders() == before);
  CHECK(verb(fixture, {"gc"}).code == 0);
  CHECK(folders() == 2 * journals.size());
  CHECK(verb(fixture, {"gc", "--keep", "1"}).code == 0);
  CHECK(folders() == journals.size());
  CHECK_THAT(verb(fixture, {"gc"}).out, Contains("0 B of 0 deleted"));
  CHECK(journal_texts(fixture) == journals);
  CHECK(verb(fixture, {"gc", "--keep", "0"}).code == 2);
}

TEST_CASE("the notifier is told of failures and of the end; one that fails is a warning", "[cli][notify]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  const std::string book = fixture.path("told");
  const std::string command =
      "notify.command=\"echo $AUNET_EVENT $AUNET_SWEEP $AUNET_KEY: $AUNET_MESSAGE >> " + book + "\"";
  REQUIRE(fixture.start_sweep("nan=bpe", {"--set", command})->wait().code == 1);
  const std::string told = read_file(book);
  for (const auto& [key, journal] : fixture.journals())
    if (summarize(journal).status == "failed")
      CHECK_THAT(told, Contains("failure small " + key + ": nan: loss is not a number"));
  CHECK_THAT(told, Contains("finish small : 4/8 done, 0 running, 4 failed"));
  const Finished deaf = fixture.start_sweep("", {"--set", "notify.command=\"exit 3\""})->wait();
  CHECK(deaf.code == 1);
  CHECK_THAT(deaf.err, Contains("notify: the command for 'finish' ended with 3"));
}

TEST_CASE("a run that stands still is told once, and may go on", "[cli][notify]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  const std::string book = fixture.path("told");
  const auto process = fixture.start_sweep(
      "hang=bpe", {"--set", "notify.command=\"echo $AUNET_EVENT $AUNET_KEY $AUNET_MESSAGE >> " + book + "\"",
                   "--set", "notify.stall_after=1.5"});
  const auto stalls = [&] {
    const std::string text = exists(book) ? read_file(book) : "";
    size_t n = 0;
    for (size_t at = text.find("stall "); at != std::string::npos; at = text.find("stall ", at + 1)) ++n;
    return n;
  };
  while (process->running() && stalls() < 2) usleep(20000);
  usleep(2500000);
  CHECK(stalls() == 2);  // both that hang, each once
  CHECK_THAT(read_file(book), Contains("nothing new in its journal for"));
  process->signal(SIGINT);
  CHECK(process->wait().code == 75);
}

TEST_CASE("a failure that was there before is not the end of a process that did not come to its journal",
          "[cli][retry]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  REQUIRE(fixture.start_sweep("oom=bpe", {"--set", "retry.oom=0"})->wait().code == 1);
  const Finished again =
      fixture.start_sweep("vanish=bpe", {"--set", "retry.oom=0", "--set", "retry.crash=0"})->wait();
  INFO(again.out << again.err);
  CHECK(again.code == 1);
  CHECK_THAT(again.out, Contains("bpe: crash: exit 3: no device") && !Contains("out of memory"));
  for (const auto& [key, journal] : fixture.journals()) {
    const JournalSummary summary = summarize(journal);
    CHECK((summary.status == "done" || summary.cause == "crash"));
  }
}
