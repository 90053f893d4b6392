// aunet plan: the contract's fields, the states, the table.
#include "core/file.h"
#include "fixture.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace aunet;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

Finished plan(const SweepFixture& fixture, const std::vector<std::string>& more = {}) {
  std::vector<std::string> words = {"plan", fixture.path("sweep.toml"), "--runs", fixture.runs().path};
  words.insert(words.end(), more.begin(), more.end());
  return fixture.aunet(words);
}

}  // namespace

TEST_CASE("plan --json prints one array with every field of the contract", "[cli]") {
  const SweepFixture fixture;
  const Finished finished = plan(fixture, {"--json"});
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  const Json cells = Json::parse(finished.out);
  REQUIRE(cells.is_array());
  REQUIRE(cells.size() >= 8);
  for (const Json& cell : cells) {
    for (const char* field : {"key", "family", "params", "flops", "bytes", "tokens", "epochs", "steps",
                              "batch", "lr", "memory_bytes", "seconds", "state"}) {
      INFO(field);
      CHECK(cell.contains(field));
    }
    CHECK(cell["key"].get<std::string>().size() == 16);
    for (const char* field : {"total", "non_embedding", "active", "embedding"})
      CHECK(cell["params"][field] > 0);
    for (const char* field : {"paper", "useful", "budget", "error"}) CHECK(cell["flops"][field].is_number());
    for (const char* field : {"sequences", "units", "bytes"}) CHECK(cell["batch"][field] > 0);
    CHECK(cell["flops"]["error"] <= 1e-3);
    CHECK(cell["seconds"]["estimate"] > 0);
    CHECK(cell["seconds"]["source"].is_string());
    CHECK(cell["state"] == "new");
    CHECK(cell["tokens"].is_null() == (cell["family"] == "aunet2"));
  }
}

TEST_CASE("plan says once how much of a user rule's official levels later bytes decide", "[cli]") {
  const SweepFixture fixture;
  const auto messages = [&](const std::string& mode) {
    const Finished finished =
        plan(fixture, {"--set", "split.letters.end='[a-z]+'", "--set", "family.aunet2.model.split=letters",
                       "--set", "family.aunet2.model.split_mode=" + mode});
    CHECK(finished.code == 0);
    return finished.err;
  };
  const std::string official = messages("official"), line = "warning split letters in official mode: ";
  CHECK(official.find(line) != std::string::npos);
  CHECK(official.find(line) == official.rfind(line));
  CHECK(official.find("boundaries depend on later bytes") != std::string::npos);
  CHECK(messages("causal").find("later bytes") == std::string::npos);
}

TEST_CASE("the paper's 36 runs are planned without data: no keys, every state new", "[cli]") {
  const SweepFixture fixture;
  const Finished finished = fixture.aunet({"plan", AUNET_SOURCE_DIR "/sweeps/paper_scaling.toml", "--json"});
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  const Json cells = Json::parse(finished.out);
  CHECK(cells.size() == 36);
  for (const Json& cell : cells) CHECK((cell["key"].is_null() && cell["state"] == "new"));
  const Finished table = fixture.aunet(
      {"plan", AUNET_SOURCE_DIR "/sweeps/paper_scaling.toml", "--on", "h100:64", "--price", "100"});
  CHECK_THAT(table.out, Contains("36 cells, 36 runs: 36 new") && Contains("price at 100 an hour"));
}

TEST_CASE("a sweep of declared data is refused: there is nothing to train on", "[cli]") {
  const SweepFixture fixture;
  const Finished finished =
      fixture.aunet({"sweep", AUNET_SOURCE_DIR "/sweeps/paper_scaling.toml", "--runs", fixture.runs().path});
  CHECK(finished.code == 2);
  CHECK_THAT(finished.err, Contains("data.declared: expected data to train on"));
}

TEST_CASE("states come from the run directories: done, failed, stale, new", "[cli]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  CHECK(fixture.start_sweep("nan=bpe step_ms=1", {})->wait().code == 1);
  const std::string key = Json::parse(plan(fixture, {"--json"}).out)[0]["key"];
  // cut off the end of a finished run's journal: the mark of a killed process
  const std::string journal = read_file(fixture.runs().run(key).journal());
  write_file_atomic(fixture.runs().run(key).journal(), journal.substr(0, journal.size() / 2));
  std::map<std::string, int> states;
  for (const Json& cell : Json::parse(plan(fixture, {"--json"}).out))
    ++states[cell["state"].get<std::string>()];
  CHECK(states == std::map<std::string, int>{{"done", 3}, {"failed", 4}, {"stale", 1}});
}

TEST_CASE("time estimates turn from the assumption to what was measured", "[cli]") {
  const SweepFixture fixture;
  CHECK_THAT(plan(fixture).out, Contains("assumed: profile cpu, no run of this kind measured"));
  REQUIRE(fixture.start_sweep("step_ms=1")->wait().code == 0);
  for (const Json& cell : Json::parse(plan(fixture, {"--json"}).out)) {
    CHECK_THAT(cell["seconds"]["source"].get<std::string>(), Catch::StartsWith("measured: "));
  }
}

TEST_CASE("--set changes the plan; a wrong key is refused with its place", "[cli]") {
  const SweepFixture fixture;
  const Finished finished = plan(fixture, {"--json", "--set", "budget.flops=[1e8]"});
  REQUIRE(finished.code == 0);
  for (const Json& cell : Json::parse(finished.out)) CHECK(cell["budget"] == 1e8);
  const Finished refused = plan(fixture, {"--set", "budget.flop=[1e8]"});
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, Contains("flop") && Contains("flops"));
}

TEST_CASE("a changed setting: plan names the runs it leaves behind and how to keep the old value", "[cli]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  REQUIRE(fixture.start_sweep("step_ms=1")->wait().code == 0);
  CHECK_THAT(plan(fixture).out,
             Contains("8 runs: 8 done") && Contains("0 still to spend") && !Contains("orphaned"));

  const Finished changed =
      plan(fixture, {"--set", "optim.weight_decay=0.05", "--set", "family.bpe.model.multiple_of=16"});
  INFO(changed.out);
  REQUIRE(changed.code == 0);
  CHECK_THAT(changed.out,
             Contains("8 runs: 8 new") &&
                 Contains("orphaned: 8 runs of the last plan are no cells of this one (8 done,"));
  CHECK_THAT(changed.out, Contains("aunet2: optim.weight_decay 0.1 -> 0.05 in 4 runs; to keep the old value: "
                                   "--set 'optim.weight_decay=0.1'"));
  CHECK_THAT(changed.out, Contains("bpe: model.multiple_of 8 -> 16 in 4 runs; to keep the old value: "
                                   "--set 'family.bpe.model.multiple_of=8'"));
  // what it offers does keep them
  const Finished kept =
      plan(fixture, {"--set", "optim.weight_decay=0.05", "--set", "family.bpe.model.multiple_of=16", "--set",
                     "optim.weight_decay=0.1", "--set", "family.bpe.model.multiple_of=8"});
  CHECK_THAT(kept.out, Contains("8 runs: 8 done") && !Contains("orphaned"));
}

TEST_CASE("a changed setting of a tuned sweep is named while its tuning is still to be done anew", "[cli]") {
  const SweepFixture fixture;
  REQUIRE(fixture.start_sweep("step_ms=1")->wait().code == 0);
  const Finished changed = plan(fixture, {"--set", "optim.beta2=0.98"});
  INFO(changed.out);
  REQUIRE(changed.code == 0);
  CHECK_THAT(changed.out, Contains("aunet2: optim.beta2 0.95 -> 0.98 in ") &&
                              Contains("to keep the old value: --set 'optim.beta2=0.95'") &&
                              !Contains("optim.lr") && !Contains("horizon."));
}

TEST_CASE("a damaged last plan is not compared with", "[cli]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  REQUIRE(fixture.start_sweep("step_ms=1")->wait().code == 0);
  for (const char* text : {"", "{", "{\"cells\": [{\"key\": \"x\"}]}", "[]"}) {
    write_file_atomic(fixture.runs().plan("small"), text);
    const Finished finished = plan(fixture, {"--set", "optim.weight_decay=0.05"});
    CHECK(finished.code == 0);
    CHECK_THAT(finished.out, !Contains("orphaned"));
  }
}
