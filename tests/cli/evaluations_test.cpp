// A new evaluation never retrains: [[eval]] on a finished sweep, through the real supervisor.
#include "core/file.h"
#include "fixture.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>

using namespace aunet;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

void add(const SweepFixture& fixture, const std::string& eval) {
  write_file_atomic(fixture.path("sweep.toml"),
                    read_file(fixture.path("sweep.toml")) + "\n[[eval]]\n" + eval);
}

int64_t count_evals(const std::vector<JournalRecord>& journal, const std::string& name) {
  return std::count_if(journal.begin(), journal.end(), [&](const JournalRecord& record) {
    const auto* eval = std::get_if<EvalRecord>(&record);
    return eval && eval->split == name;
  });
}

Json plan(const SweepFixture& fixture) {
  return Json::parse(
      fixture.aunet({"plan", fixture.path("sweep.toml"), "--runs", fixture.runs().path, "--json"}).out);
}

}  // namespace

TEST_CASE("an evaluation added to a finished sweep is made without a step of training", "[cli]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  REQUIRE(fixture.start_sweep("")->wait().code == 0);
  const auto before = fixture.journals();
  add(fixture, "name = \"typos\"\ncorrupt = \"typos\"\n");
  for (const Json& cell : plan(fixture)) {
    CHECK(cell["state"] == "done");
    CHECK(cell["evaluations_missing"] == Json::array({"typos"}));
  }
  const Finished table = fixture.aunet({"plan", fixture.path("sweep.toml"), "--runs", fixture.runs().path});
  CHECK_THAT(table.out, Contains("evaluation typos: missing for 8 done runs"));

  const Finished again = fixture.start_sweep("")->wait();
  CHECK(again.code == 0);
  const auto after = fixture.journals();
  REQUIRE(after.size() == before.size());
  for (const auto& [key, journal] : after) {
    CHECK(steps_executed(journal) == steps_executed(before.at(key)));
    CHECK(summarize(journal).status == "done");
    CHECK(count_evals(journal, "typos") == 1);
  }
  for (const Json& cell : plan(fixture)) CHECK(cell["evaluations_missing"].empty());

  // Once more: nothing is left to do; another rate is another evaluation.
  REQUIRE(fixture.start_sweep("")->wait().code == 0);
  for (const auto& [key, journal] : fixture.journals()) CHECK(count_evals(journal, "typos") == 1);
  fixture.edit("corrupt = \"typos\"", "corrupt = \"typos\"\nrate = 0.2");
  for (const Json& cell : plan(fixture)) CHECK(cell["evaluations_missing"].size() == 1);
}

TEST_CASE("an evaluation that cannot be made fails alone: its runs stay done", "[cli]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  add(fixture, "name = \"spaces\"\ncorrupt = \"no_spaces\"\n");
  REQUIRE(fixture.start_sweep("")->wait().code == 0);
  add(fixture, "name = \"lost\"\ncorrupt = \"lowercase\"\n");
  const Finished failed = fixture.start_sweep("lost_text=lost")->wait();
  CHECK(failed.code == 1);
  CHECK_THAT(failed.out, Contains("8 of 8 runs done") && Contains("0 failed") &&
                             Contains("lost: exit 1: not evaluated: the text is gone"));
  for (const Json& cell : plan(fixture)) {
    CHECK(cell["state"] == "done");
    CHECK(cell["evaluations_missing"] == Json::array({"lost"}));
  }
  CHECK(fixture.start_sweep("")->wait().code == 0);
  for (const auto& [key, journal] : fixture.journals()) CHECK(count_evals(journal, "lost") == 1);
}
