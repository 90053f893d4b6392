// aunet status, why, diff: what people look at while a sweep runs.
#include "core/file.h"
#include "core/machine.h"
#include "fixture.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>

using namespace aunet;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

Finished status(const SweepFixture& fixture, const std::vector<std::string>& more = {}) {
  std::vector<std::string> words = {"status", "--runs", fixture.runs().path};
  words.insert(words.end(), more.begin(), more.end());
  return fixture.aunet(words);
}

}  // namespace

TEST_CASE("status of no runs is no error", "[cli]") {
  const SweepFixture fixture;
  const Finished finished = status(fixture);
  CHECK(finished.code == 0);
  CHECK_THAT(finished.out, Contains("no runs"));
  CHECK(status(fixture, {"--json"}).out == "[]\n");
}

TEST_CASE("status has one row a run, with what its journal says", "[cli]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  REQUIRE(fixture.start_sweep("nan=bpe")->wait().code == 1);
  const auto journals = fixture.journals();
  const Json rows = Json::parse(status(fixture, {"--json"}).out);
  REQUIRE(rows.size() == journals.size());
  for (const Json& row : rows) {
    const JournalSummary summary = summarize(journals.at(row["key"]));
    CHECK(row["state"] == summary.status);
    CHECK(row["step"] == summary.last_step);
    CHECK(row["cause"] == summary.cause);
    CHECK(row["sweep"] == "small");
    if (summary.status != "done") continue;
    CHECK(row["steps"] == summary.last_step);
    CHECK(row["heldout_bpb"] == summary.final_eval->loss_bpb);
  }
  CHECK_THAT(status(fixture).out,
             Contains("8 runs: 4 done, 4 failed") && Contains("nan: loss is not a number"));
}

TEST_CASE("why shows the cause, diff shows what differs", "[cli]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  REQUIRE(fixture.start_sweep("nan=bpe")->wait().code == 1);
  std::vector<std::string> aunet_keys, failed;
  for (const Json& row : Json::parse(status(fixture, {"--json"}).out)) {
    (row["family"] == "aunet2" ? aunet_keys : failed).push_back(row["key"]);
  }
  const Finished why = fixture.aunet({"why", failed.at(0).substr(0, 10), "--runs", fixture.runs().path});
  CHECK(why.code == 0);
  CHECK_THAT(why.out, Contains("failed, nan: loss is not a number") &&
                          Contains("1 attempts, step 1, 1 steps executed"));
  CHECK_THAT(why.out, Contains("once upon a time") && Contains("not finite") && Contains("[[override]]"));
  const Json story =
      Json::parse(fixture.aunet({"why", failed.at(0), "--runs", fixture.runs().path, "--json"}).out);
  CHECK(story["cause"] == "nan");
  CHECK(story["diagnosis"]["documents"][0]["document"] == 17);
  CHECK(story["diagnosis"]["norms"][1]["grad"].is_null());

  // The override it suggests is one that the planner takes; the next one goes further.
  const std::string sweep = read_file(fixture.path("sweep.toml"));
  write_file_atomic(fixture.path("sweep.toml"), sweep + "\n" + story["override"].get<std::string>());
  CHECK(fixture.start_sweep("nan=bpe")->wait().code == 1);
  const Json old =
      Json::parse(fixture.aunet({"why", failed.at(0), "--runs", fixture.runs().path, "--json"}).out);
  const std::string heir = old["superseded_by"];
  CHECK(old["override"].is_null());
  const Json mended = Json::parse(fixture.aunet({"why", heir, "--runs", fixture.runs().path, "--json"}).out);
  CHECK(mended["lr"] == 0.01);
  CHECK(mended["lr_source"] == "override: nan at step 1");
  CHECK_THAT(mended["override"].get<std::string>(),
             Contains(heir) && Contains("lr = \"x0.5\", clip = \"x0.5\""));

  const Finished diff =
      fixture.aunet({"diff", aunet_keys.at(0), aunet_keys.at(1), "--runs", fixture.runs().path});
  CHECK(diff.code == 0);
  CHECK_THAT(diff.out, Contains(" -> "));
  CHECK_THAT(diff.out, !Contains("fingerprint"));
  CHECK_THAT(diff.out, !Contains("provenance"));  // both ran here, from one tree
  AppendFile(fixture.runs().run(aunet_keys.at(1)).journal())
      .append_line(to_json_line(AttemptRecord{
          .attempt = 2, .host = "elsewhere", .device = "cpu: fake", .environment = "OMP_NUM_THREADS=7"}));
  const Json differ = Json::parse(
      fixture.aunet({"diff", aunet_keys.at(0), aunet_keys.at(1), "--runs", fixture.runs().path, "--json"})
          .out);
  CHECK(differ["provenance"]["host"] == Json({host_name(), "elsewhere"}));
  CHECK(differ["provenance"]["environment"][1] == "OMP_NUM_THREADS=7");
  CHECK(!differ["configuration"].empty());
  CHECK(fixture.aunet({"why", "zz", "--runs", fixture.runs().path}).code == 2);
}

TEST_CASE("status of 10,000 runs takes about a second", "[cli][slow]") {
  const SweepFixture fixture;
  REQUIRE(fixture.start_sweep("step_ms=0")->wait().code == 0);
  const std::string key = fixture.planned_keys().at(0);
  const RunDir model = fixture.runs().run(key);
  const std::string run_toml = read_file(model.run_toml()), journal = read_file(model.journal());
  Json plan = Json::parse(read_file(fixture.runs().plan("small")));
  const Json cell = plan["cells"][0];
  plan["cells"] = Json::array();
  for (int i = 0; i < 10000; ++i) {
    const RunDir copy = fixture.runs().run(fmt::format("{:016x}", i));
    make_directories(copy.path);
    write_file_atomic(copy.run_toml(), run_toml);
    write_file_atomic(copy.journal(), journal);
    plan["cells"].push_back(cell);
    plan["cells"].back()["key"] = fmt::format("{:016x}", i);
  }
  write_file_atomic(fixture.runs().plan("many"), plan.dump());
  const auto begin = std::chrono::steady_clock::now();
  const Finished finished = status(fixture);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  WARN("status of 10,000 runs: " << seconds << " s");
  CHECK(finished.code == 0);
  CHECK(seconds < 5);  // 1 s is the aim on an idle machine
}
