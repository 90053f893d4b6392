// Split rules beyond the paper through the real binary: planned in sweeps, reported, timed.
#include "core/file.h"
#include "fixture.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <set>

using namespace aunet;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

/// `aunet WORDS... < text`.
Finished with_stdin(const SweepFixture& fixture, const std::string& words, const std::string& text) {
  write_file_atomic(fixture.path("stdin.txt"), text);
  return run({"/bin/sh", "-c", AUNET_BIN_DIR "/aunet " + words + " < '" + fixture.path("stdin.txt") + "'"},
             {}, fixture.path("output"));
}

/// Keys of the AU-Net cells when their split is `split`; also rows-dependent windows, so that two rules
/// differ.
std::set<std::string> keys(const SweepFixture& fixture, const std::string& split) {
  const Finished plan = fixture.aunet({"plan", fixture.path("sweep.toml"), "--runs", fixture.runs().path,
                                       "--json", "--set", "family.aunet2.model.split='" + split + "'"});
  INFO(split << ": " << plan.err);
  REQUIRE(plan.code == 0);
  std::set<std::string> found;
  for (const Json& cell : Json::parse(plan.out)) {
    CHECK(cell["flops"]["error"] <= 1e-3);
    if (cell["family"] == "aunet2") found.insert(cell["key"].get<std::string>());
  }
  return found;
}

bool overlap(const std::set<std::string>& a, const std::set<std::string>& b) {
  return std::any_of(a.begin(), a.end(), [&](const std::string& key) { return b.contains(key); });
}

}  // namespace

TEST_CASE("sweeps plan with rules beyond the paper", "[cli][split]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  const auto word = keys(fixture, "word"), space = keys(fixture, "space"), every = keys(fixture, "every=4");
  CHECK(word.size() == 4);
  CHECK(space.size() == 4);
  CHECK(every.size() == 4);
  CHECK_FALSE(overlap(word, space));
  CHECK_FALSE(overlap(space, every));
}

TEST_CASE("keys follow the content of a rule's file", "[cli][split]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  const auto train = [&](const std::string& name, const std::string& text) {
    const Finished finished =
        with_stdin(fixture, "split --train-entropy '" + fixture.path(name) + "' --order 2", text);
    INFO(finished.err);
    REQUIRE(finished.code == 0);
    CHECK_THAT(finished.out, Contains("bytes a unit"));
  };
  train("one.entropy", "the cat sat on the mat and the rat on the hat");
  train("two.entropy", "the cat sat on the mat and the rat on the hat");
  const auto one = keys(fixture, "entropy=one.entropy@3");
  CHECK(one == keys(fixture, "entropy=two.entropy@3"));
  CHECK_FALSE(overlap(one, keys(fixture, "entropy=two.entropy@4")));
  train("one.entropy", "another text about another thing altogether");
  CHECK_FALSE(overlap(one, keys(fixture, "entropy=one.entropy@3")));
}

TEST_CASE("a run keeps what its split rule reads", "[cli][split]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  REQUIRE(fixture
              .aunet({"bpe", "train", fixture.path("corpus.jsonl"), "--vocab", "280", "--tokenizer",
                      fixture.path("ranks.tiktoken")})
              .code == 0);
  const Finished finished =
      fixture.aunet({"sweep", fixture.path("sweep.toml"), "--runs", fixture.runs().path, "--db",
                     fixture.path("s.db"), "--set", "family.aunet2.model.split='bpe=ranks.tiktoken'"});
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  int64_t n_with_split = 0;
  for (const auto& key : list_directory(fixture.runs().path)) {
    const RunDir dir = fixture.runs().run(key);
    if (!exists(dir.split(0))) continue;
    ++n_with_split;
    CHECK(read_file(dir.split(0)) == read_file(fixture.path("ranks.tiktoken")));
    CHECK_THAT(read_file(dir.run_toml()), Contains("split = \"bpe=split-1@gpt2\""));
  }
  CHECK(n_with_split == 4);
}

TEST_CASE("split --report counts units by script, leaks and cut rows", "[cli][split]") {
  const SweepFixture fixture;
  const Finished finished =
      with_stdin(fixture, "split --strategy word1=1@1 --mode official --report --json --caps 8,2 --window 8",
                 "ab Где c.\n  \nd");
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  const Json report = Json::parse(finished.out);
  CHECK(report["positions"] == 17);
  const Json stage = report["stages"][0];
  CHECK(stage["stage"] == 2);
  // ab, _Где, _c, ., \n belongs to the full stop; the blank that opens the blank line, its newline: see
  // split_rules_test
  double units = 0, bytes = 0;
  for (const Json& script : stage["scripts"]) {
    units += script["units"].get<double>();
    bytes += script["bytes"].get<double>();
    if (script["script"] == "Cyrillic") CHECK(script["bytes"] == 7);
  }
  CHECK(stage["units"] == units);
  CHECK(bytes == 17);
  CHECK(report["leak"]["changed"] == 1);
  CHECK(report["caps"]["windows"] == 3);
  CHECK(report["caps"]["cut"][1] > 0);
  CHECK(with_stdin(fixture, "split --strategy word1=1@1 --report --caps 8", "a").code == 2);
  CHECK(with_stdin(fixture, "split --report", "a").code == 2);
  CHECK_THAT(with_stdin(fixture, "split --strategy word1=1@1 --report", "a b").out,
             Contains("8192,3200 rows per window of 8192 positions"));
}

TEST_CASE("bench split times each rule and mode, without aunet-torch", "[cli][split]") {
  const SweepFixture fixture;
  const Finished finished =
      fixture.aunet({"bench", "split", "--json", "--strategy", "space", "--strategy", "word1=1@1,every=16",
                     "--file", fixture.path("corpus.jsonl"), "--repeats", "3"});
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  const Json rows = Json::parse(finished.out);
  REQUIRE(rows.size() == 4);
  for (const Json& row : rows) {
    CHECK(row["mb_per_s"].size() == 3);
    CHECK(row["mb_per_s"][0] > 0);
    CHECK(row["mb_per_s"][0] <= row["mb_per_s"][1]);
    CHECK(row["mb_per_s"][1] <= row["mb_per_s"][2]);
  }
  CHECK(rows[2]["rules"] == "word1=1@1,every=16");
  CHECK(rows[3]["mode"] == "official");
}
