// `aunet data` through the real binary, and sweeps over what it prepared.
#include "core/file.h"
#include "fixture.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <filesystem>

using namespace aunet;
using Catch::Contains;
using Json = nlohmann::json;

TEST_CASE("a sweep over a prepared corpus has the keys of one over its sources", "[data]") {
  const SweepFixture fixture;
  const auto keys = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{"plan", fixture.path("sweep.toml"), "--runs", fixture.runs().path,
                                   "--json"};
    words.insert(words.end(), more.begin(), more.end());
    const Finished plan = fixture.aunet(words);
    INFO(plan.err);
    REQUIRE(plan.code == 0);
    std::vector<std::string> found;
    for (const Json& cell : Json::parse(plan.out)) found.push_back(cell["key"]);
    return found;
  };
  const std::string source = fixture.path("corpus.jsonl");
  const Finished prepared = fixture.aunet({"data", "prepare", fixture.path("prepared"), source, "--split",
                                           "word1=1@1", "--shard-mb", "0.01", "--json"});
  INFO(prepared.err);
  REQUIRE(prepared.code == 0);
  const Json manifest = Json::parse(prepared.out);
  CHECK(manifest["shards"] > 1);
  CHECK(manifest["derived"] == Json{"word1=1@1 causal"});
  CHECK(keys({"--set", "data.train=['" + fixture.path("prepared") + "']"}) == keys({}));
  CHECK(fixture.aunet({"data", "verify", fixture.path("prepared")}).code == 0);

  std::string shard = read_file(fixture.path("prepared/00000.text"));
  shard[shard.size() / 2] = static_cast<char>(shard[shard.size() / 2] ^ 1);
  write_file_atomic(fixture.path("prepared/00000.text"), shard);
  const Finished damaged = fixture.aunet({"data", "verify", fixture.path("prepared")});
  CHECK(damaged.code == 1);
  CHECK_THAT(damaged.err, Contains("00000.text: damaged: bytes "));
}

TEST_CASE("broken lines are refused by number, or skipped and named", "[data]") {
  const SweepFixture fixture;
  write_file_atomic(fixture.path("bad.jsonl"),
                    "{\"text\": \"one two three\"}\n{\"text\": 5}\n{\"text\": \"\"}\n");
  const Finished refused = fixture.aunet({"data", "prepare", fixture.path("out"), fixture.path("bad.jsonl")});
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, Contains("bad.jsonl:2: text: expected a string, got number"));
  const Finished skipped = fixture.aunet(
      {"data", "prepare", fixture.path("out2"), fixture.path("bad.jsonl"), "--invalid", "skip"});
  CHECK(skipped.code == 0);
  CHECK_THAT(skipped.err, Contains("bad.jsonl:2: text: expected a string, got number"));
  const Finished inspected =
      fixture.aunet({"data", "inspect", fixture.path("bad.jsonl"), "--split", "every=4", "--benchmarks",
                     fixture.path("bad.jsonl"), "--ngram", "3", "--json"});
  INFO(inspected.err);
  REQUIRE(inspected.code == 0);
  const Json report = Json::parse(inspected.out);
  CHECK(report["documents"] == 1);
  CHECK(report["invalid"] == 1);
  CHECK(report["empty"] == 1);
  CHECK(report["splits"][0]["units_per_byte"][0] == Approx(3.0 / 13));
  CHECK(report["benchmarks"][0]["contaminated"] == 1);
  CHECK(report["benchmarks"][0]["too_short"] == 2);
  CHECK(fixture.aunet({"data", "inspect", fixture.path("bad.jsonl")}).code == 0);
}

TEST_CASE("wrong uses of data are one clear line", "[data]") {
  const SweepFixture fixture;
  const auto message = [&](const std::vector<std::string>& words) {
    const Finished result = fixture.aunet(words);
    CHECK(result.code == 2);
    return result.err;
  };
  CHECK_THAT(message({"data", "prepair"}),
             Contains("data: expected prepare, verify or inspect, got 'prepair'"));
  CHECK_THAT(message({"data", "prepare", fixture.path("new")}),
             Contains("expected at least one source, got none"));
  CHECK_THAT(
      message({"data", "prepare", fixture.path("new"), fixture.path("corpus.jsonl"), "--invalid", "ignore"}),
      Contains("--invalid: expected refuse or skip, got 'ignore'"));
  CHECK_THAT(
      message({"data", "prepare", fixture.path("new"), fixture.path("corpus.jsonl"), "--split", "word1"}),
      Contains("--split: expected rules like"));
  CHECK_THAT(message({"data", "inspect", fixture.path("corpus.jsonl"), "--ngram", "0", "--benchmarks",
                      fixture.path("corpus.jsonl")}),
             Contains("expected words from 1 on, got 0"));
  CHECK(fixture.aunet({"data", "inspect", fixture.path("nothing.jsonl")}).code == 1);
}

TEST_CASE("the loader benchmark gives one record per kind of source", "[data]") {
  const SweepFixture fixture;
  const Finished bench =
      fixture.aunet({"bench", "loader", "--data", fixture.path("corpus.jsonl"), "--context", "64",
                     "--batch-bytes", "512", "--repeats", "2", "--json"});
  INFO(bench.err);
  REQUIRE(bench.code == 0);
  const Json out = Json::parse(bench.out);
  REQUIRE(out.size() == 2);
  CHECK(out[0]["source"] == "raw");
  CHECK(out[1]["source"] == "prepared");
  CHECK(out[1]["mb_per_s"][0] > 0);
}

TEST_CASE("a held-out document that is trained on is refused, and taken when the sweep says so", "[data]") {
  const SweepFixture fixture;
  const Finished refused = fixture.aunet({"plan", fixture.path("sweep.toml"), "--runs", fixture.runs().path,
                                          "--set", "data.heldout=['" + fixture.path("corpus.jsonl") + "']"});
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err,
             Contains("data.heldout: expected documents that are not trained on, got document 1 of "));
  const Finished allowed = fixture.aunet({"plan", fixture.path("sweep.toml"), "--runs", fixture.runs().path,
                                          "--set", "data.heldout=['" + fixture.path("corpus.jsonl") + "']",
                                          "--set", "data.overlap='allow'"});
  CHECK(allowed.code == 0);
}
