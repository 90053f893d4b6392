// The engine end to end, with the fake trainer: what is run, in which order, and what is left alone.
#include "config/run_config.h"
#include "core/file.h"
#include "fixture.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <signal.h>
#include <unistd.h>

using namespace aunet;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

Finished sweep(const SweepFixture& fixture, const std::string& fake = "",
               const std::vector<std::string>& words = {}) {
  return fixture.start_sweep(fake, words)->wait();
}

Json plan_json(const SweepFixture& fixture, const std::vector<std::string>& more = {}) {
  std::vector<std::string> words = {"plan", fixture.path("sweep.toml"), "--runs", fixture.runs().path,
                                    "--json"};
  words.insert(words.end(), more.begin(), more.end());
  const Finished finished = fixture.aunet(words);
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  return Json::parse(finished.out);
}

}  // namespace

TEST_CASE("a sweep runs every cell of its last plan once and is done", "[cli]") {
  const SweepFixture fixture;
  const Finished finished = sweep(fixture);
  INFO(finished.out << finished.err);
  REQUIRE(finished.code == 0);
  const auto journals = fixture.journals();
  for (const std::string& key : fixture.planned_keys()) {
    INFO(key);
    REQUIRE(journals.count(key) == 1);
    const JournalSummary summary = summarize(journals.at(key));
    CHECK(summary.status == "done");
    CHECK(summary.attempts == 1);
    CHECK(summary.steps_executed == summary.last_step);
  }
  CHECK(journals.size() == fixture.planned_keys().size());
  CHECK(exists(fixture.path("sweep.db")));
}

TEST_CASE("the tuning ends at the bowl's floor and the grid takes its rate", "[cli]") {
  const SweepFixture fixture;
  // the fake trainer's loss has its minimum at a rate of 0.02; the search begins two steps away from it
  fixture.edit("lr = 0.02", "lr = 0.08");
  REQUIRE(sweep(fixture).code == 0);
  int64_t n_grid = 0;
  for (const Json& cell : plan_json(fixture)) {
    CHECK(cell["state"] == "done");
    if (cell["role"] != "grid" || cell["budget"] != 1e8) continue;
    ++n_grid;
    CHECK(cell["lr"] == 0.02);
    CHECK(cell["provisional"] == false);
  }
  CHECK(n_grid == 4);
}

TEST_CASE("a finished sweep is not touched by the next call", "[cli]") {
  const SweepFixture fixture;
  REQUIRE(sweep(fixture).code == 0);
  std::map<std::string, std::string> before;
  for (const auto& [key, journal] : fixture.journals())
    before[key] = read_file(fixture.runs().run(key).journal());
  const Finished again = sweep(fixture);
  CHECK(again.code == 0);
  CHECK_THAT(again.out, Contains("before this call), 0 failed, 0 not run"));
  for (const auto& [key, text] : before) CHECK(read_file(fixture.runs().run(key).journal()) == text);
}

TEST_CASE("a wider grid runs only what is new", "[cli]") {
  const SweepFixture fixture;
  REQUIRE(sweep(fixture).code == 0);
  const size_t n_before = fixture.journals().size();
  fixture.edit("[1e8, 2e8]", "[1e8, 2e8, 4e8]");
  REQUIRE(sweep(fixture).code == 0);
  const auto journals = fixture.journals();
  CHECK(journals.size() == n_before + 4);
  for (const auto& [key, journal] : journals) CHECK(summarize(journal).attempts == 1);
}

TEST_CASE("a diverged run is a failed row with its cause, is not repeated, and the sweep goes on", "[cli]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  const Finished finished = sweep(fixture, "nan=bpe");
  CHECK(finished.code == 1);
  CHECK_THAT(finished.out,
             Contains("4 of 8 runs done") && Contains("4 failed") && Contains("nan: loss is not a number"));
  CHECK(sweep(fixture, "").code == 1);  // the next call leaves it failed too: it would come out the same
  for (const auto& [key, journal] : fixture.journals()) CHECK(summarize(journal).attempts == 1);
}

TEST_CASE("a process that keeps being killed is started again as often as [retry] says, then fails",
          "[cli]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  const Finished finished = sweep(fixture, "crash=bpe", {"--set", "retry.preempted=2"});
  CHECK(finished.code == 1);
  CHECK_THAT(finished.out, Contains("preempted: killed by SIGKILL: about to crash"));
  for (const auto& [key, journal] : fixture.journals()) {
    const JournalSummary summary = summarize(journal);
    CHECK(summary.attempts == (summary.status == "failed" ? 3 : 1));
    if (summary.status == "failed") CHECK(summary.cause == "preempted");
  }
  CHECK(sweep(fixture).code == 0);  // that is no property of the run: the next call tries again
}

TEST_CASE("each cause has its own limit", "[cli]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  const std::string fake = "segv=bpe oom=aunet2";
  CHECK(sweep(fixture, fake, {"--set", "retry.crash=0", "--set", "retry.oom=2"}).code == 1);
  for (const auto& [key, journal] : fixture.journals()) {
    const JournalSummary summary = summarize(journal);
    CHECK((summary.cause == "signal" || summary.cause == "oom"));
    CHECK(summary.attempts == (summary.cause == "oom" ? 3 : 1));
  }
}

TEST_CASE("a run that crashes at its first attempt only is done at the second", "[cli]") {
  const SweepFixture fixture;
  CHECK(sweep(fixture, "crash_once=aunet2").code == 0);
}

TEST_CASE("a trainer that refuses its configuration is not asked twice", "[cli]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  const Finished finished = sweep(fixture, "refuse=bpe");
  CHECK(finished.code == 1);
  CHECK_THAT(finished.out, Contains("config: exit 2"));
  for (const auto& [key, journal] : fixture.journals()) CHECK(summarize(journal).attempts == 1);
}

TEST_CASE("a tuning trial that cannot be run stops its grid and says so", "[cli]") {
  const SweepFixture fixture;
  const Finished finished = sweep(fixture, "crash=bpe");
  CHECK(finished.code == 1);
  CHECK_THAT(finished.out, Contains("the tuning of bpe cannot go on: trial"));
}

TEST_CASE("--only runs one key and refuses one that is not planned", "[cli]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  const std::string key = plan_json(fixture)[2]["key"];
  CHECK(sweep(fixture, "", {"--only", key.substr(0, 8)}).code == 0);
  const auto journals = fixture.journals();
  REQUIRE(journals.size() == 1);
  CHECK(journals.begin()->first == key);
  const Finished refused = sweep(fixture, "", {"--only", "zzz"});
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, Contains("--only: expected the beginning of a planned key, got 'zzz'"));
}

TEST_CASE("run.toml is complete: its key is the folder's name, its tokenizer lies beside it", "[cli]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  REQUIRE(sweep(fixture).code == 0);
  for (const auto& [key, journal] : fixture.journals()) {
    const RunConfig config = read_run_config(fixture.runs().run(key).run_toml());
    CHECK(train_key(config) == key);
    CHECK(exists(config.data.train.at(0).path));
    CHECK(exists(fixture.runs().run(key).tokenizer()) == (kind_of(config.model) == "llama"));
  }
}

TEST_CASE("a second supervisor of the same sweep is refused", "[cli]") {
  const SweepFixture fixture;
  const auto first = fixture.start_sweep("step_ms=20");
  while (fixture.journals().empty() && first->running()) usleep(10000);
  const std::vector<std::string> words = {"sweep", fixture.path("sweep.toml"), "--runs", fixture.runs().path,
                                          "--db",  fixture.path("other.db")};
  const Finished second =
      run({AUNET_BIN_DIR "/aunet", words[0], words[1], words[2], words[3], words[4], words[5]},
          {"AUNET_TRAINER=" AUNET_FAKE_TRAINER}, fixture.path("second"));
  CHECK(second.code == 1);
  CHECK_THAT(second.err, Contains("small.lock: another `aunet sweep` is running this sweep"));
  first->signal(SIGTERM);
  first->wait();
}

TEST_CASE("with --gpus each run sees one of them, no more than --per-gpu at a time on each", "[cli][slots]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  write_file_atomic(fixture.path("sweep.toml"),
                    read_file(fixture.path("sweep.toml")) + "[run]\ndevice = \"cuda\"\n");
  const std::vector<std::string> words = {AUNET_BIN_DIR "/aunet",
                                          "sweep",
                                          fixture.path("sweep.toml"),
                                          "--runs",
                                          fixture.runs().path,
                                          "--db",
                                          fixture.path("sweep.db"),
                                          "--gpus",
                                          "3,5",
                                          "--per-gpu",
                                          "2"};
  const Environment fake = {"AUNET_TRAINER=" AUNET_FAKE_TRAINER, "AUNET_FAKE=step_ms=5"};
  REQUIRE(run(words, fake, fixture.path("output")).code == 0);
  std::map<std::string, int> placed;
  for (const auto& [key, journal] : fixture.journals())
    for (const JournalRecord& record : journal)
      if (const auto* attempt = std::get_if<AttemptRecord>(&record))
        for (const char* gpu : {"CUDA_VISIBLE_DEVICES=3", "CUDA_VISIBLE_DEVICES=5"})
          if (attempt->environment.find(gpu) != std::string::npos) ++placed[gpu];
  CHECK(placed.size() == 2);
  CHECK(placed["CUDA_VISIBLE_DEVICES=3"] + placed["CUDA_VISIBLE_DEVICES=5"] == 8);
}

TEST_CASE("--gpus asks for a GPU sweep and different GPUs", "[cli][slots]") {
  const SweepFixture fixture;
  const auto refused = [&](const std::vector<std::string>& words) {
    const Finished finished = sweep(fixture, "", words);
    CHECK(finished.code == 2);
    return finished.err;
  };
  CHECK_THAT(refused({"--gpus", "0"}), Contains("--gpus: expected only beside [run] device = \"cuda\""));
  CHECK_THAT(refused({"--per-gpu", "0"}), Contains("--per-gpu: expected a number >= 1, got 0"));
}

TEST_CASE("a trainer that is not there is said at once, with the way to build it", "[cli]") {
  const SweepFixture fixture;
  const Finished finished = run({AUNET_BIN_DIR "/aunet", "sweep", fixture.path("sweep.toml")},
                                {"AUNET_TRAINER=/nowhere/aunet-torch"}, fixture.path("output"));
  CHECK(finished.code == 1);
  CHECK_THAT(finished.err, Contains("/nowhere/aunet-torch: not there") && Contains("make build"));
  CHECK(!exists("runs"));
}
