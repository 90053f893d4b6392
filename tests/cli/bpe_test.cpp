// Tokenizers in both formats through the real binary: trained, converted, used by runs, timed.
#include "core/file.h"
#include "fixture.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace aunet;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

constexpr char kExperiment[] = R"(
name = "one"
family = "bpe"
[model]
kind = "llama"
tokenizer = { path = "TOKENIZER" }
dim = 16
n_layers = 1
head_dim = 8
multiple_of = 8
[data]
train = ["corpus.jsonl"]
heldout = ["heldout.jsonl"]
context_bytes = 64
[optim]
lr = 0.02
[horizon]
flops = 1e8
batch_bytes = 128
)";

void train_tokenizer(const SweepFixture& fixture, const std::string& name) {
  const Finished finished = fixture.aunet(
      {"bpe", "train", fixture.path("corpus.jsonl"), "--vocab", "300", "--tokenizer", fixture.path(name)});
  INFO(finished.err);
  REQUIRE(finished.code == 0);
}

/// `aunet WORDS... < text`.
Finished with_stdin(const SweepFixture& fixture, const std::string& words, const std::string& text) {
  write_file_atomic(fixture.path("stdin.txt"), text);
  return run({"/bin/sh", "-c", AUNET_BIN_DIR "/aunet " + words + " < '" + fixture.path("stdin.txt") + "'"},
             {}, fixture.path("output"));
}

/// Key of the run that `aunet train` makes with the tokenizer, in a runs folder of its own.
std::string key_with(const SweepFixture& fixture, const std::string& tokenizer) {
  std::string text = kExperiment;
  text.replace(text.find("TOKENIZER"), 9, tokenizer);
  write_file_atomic(fixture.path("one.toml"), text);
  const std::string runs = fixture.path("runs-" + tokenizer);
  const Finished finished = fixture.aunet({"train", fixture.path("one.toml"), "--runs", runs});
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  for (const std::string& name : list_directory(runs)) {
    const RunDir run{runs + "/" + name};
    if (!exists(run.run_toml())) continue;
    CHECK(read_file(run.tokenizer()) == read_file(fixture.path(tokenizer)));
    CHECK_THAT(read_file(run.run_toml()),
               Contains(tokenizer.ends_with(".json") ? "pattern = \"json\"" : "pattern = \"gpt2\""));
    CHECK(fixture.aunet({"resume", run.path}).code == 0);
    return name;
  }
  return "";
}

}  // namespace

TEST_CASE("a tokenizer trained into either format gives the same ids, and converts", "[cli][bpe]") {
  const SweepFixture fixture;
  train_tokenizer(fixture, "t.tiktoken");
  train_tokenizer(fixture, "t.json");
  const auto at = [&](const std::string& name) { return "'" + fixture.path(name) + "'"; };
  const std::string lines = "\"a tale, caf\xc3\xa9\"\n\"\"\n";
  const Finished ids = with_stdin(fixture, "bpe encode --tokenizer " + at("t.json"), lines);
  CHECK(ids.code == 0);
  CHECK(ids.out == with_stdin(fixture, "bpe encode --tokenizer " + at("t.tiktoken"), lines).out);
  CHECK(with_stdin(fixture, "bpe decode --tokenizer " + at("t.json"), ids.out).out == lines);
  for (const char* from : {"t.json", "t.tiktoken"}) {
    const Finished there =
        fixture.aunet({"bpe", "convert", "--tokenizer", fixture.path(from), "--out", fixture.path("u.json")});
    CHECK(there.code == 0);
    CHECK_THAT(there.out, Contains("300 ids, pattern gpt2"));
    CHECK(read_file(fixture.path("u.json")) == read_file(fixture.path("t.json")));
    CHECK(fixture
              .aunet({"bpe", "convert", "--tokenizer", fixture.path("u.json"), "--out",
                      fixture.path("u.tiktoken")})
              .code == 0);
    CHECK(read_file(fixture.path("u.tiktoken")) == read_file(fixture.path("t.tiktoken")));
  }
  const Finished wrong = with_stdin(fixture, "bpe decode --tokenizer " + at("t.json"), "[1]\n[302]\n");
  CHECK(wrong.code == 2);
  CHECK_THAT(wrong.err, Contains("stdin:2: id: expected 0 to 301, got 302"));
}

TEST_CASE("bpe train says what is wrong with its options", "[cli][bpe]") {
  const SweepFixture fixture;
  const auto failure = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = {"bpe", "train",       fixture.path("corpus.jsonl"), "--vocab",
                                      "300", "--tokenizer", fixture.path("t.json")};
    words.insert(words.end(), more.begin(), more.end());
    const Finished finished = fixture.aunet(words);
    CHECK(finished.code == 2);
    return finished.err;
  };
  CHECK_THAT(failure({"--threads", "0"}), Contains("--threads: expected a number from 1 on, got 0"));
  CHECK_THAT(failure({"--byte-order", "x"}), Contains("--byte-order: expected value or gpt2, got 'x'"));
  CHECK_THAT(failure({"--pattern", "json"}), Contains("pattern: expected one of gpt2"));
  CHECK(fixture.aunet({"bpe", "convert", "--tokenizer", fixture.path("t.json")}).code == 2);
}

TEST_CASE("a run takes a tokenizer.json, and has the key of the same tokenizer's rank file", "[cli][bpe]") {
  const SweepFixture fixture;
  train_tokenizer(fixture, "t.tiktoken");
  train_tokenizer(fixture, "t.json");
  const std::string key = key_with(fixture, "t.json");
  CHECK(!key.empty());
  CHECK(key == key_with(fixture, "t.tiktoken"));
}

TEST_CASE("a split rule takes a tokenizer.json", "[cli][bpe]") {
  const SweepFixture fixture;
  train_tokenizer(fixture, "t.tiktoken");
  train_tokenizer(fixture, "t.json");
  const auto marked = [&](const std::string& name, const std::string& mode) {
    const Finished finished = with_stdin(
        fixture, "split --mode " + mode + " --strategy 'bpe=" + fixture.path(name) + "'", "a tale of two");
    INFO(finished.err);
    CHECK(finished.code == 0);
    return finished.out;
  };
  for (const char* mode : {"causal", "official"}) CHECK(marked("t.json", mode) == marked("t.tiktoken", mode));
  fixture.without_tuning();
  const Finished finished =
      fixture.aunet({"sweep", fixture.path("sweep.toml"), "--runs", fixture.runs().path, "--db",
                     fixture.path("s.db"), "--set", "family.aunet2.model.split='bpe=t.json'"});
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  int64_t n_with_split = 0;
  for (const auto& key : list_directory(fixture.runs().path)) {
    const RunDir dir = fixture.runs().run(key);
    if (!exists(dir.split(0))) continue;
    ++n_with_split;
    CHECK_THAT(read_file(dir.run_toml()), Contains("split = \"bpe=split-1@json\""));
  }
  CHECK(n_with_split == 4);
}

TEST_CASE("bench bpe times encoding and training", "[cli][bpe]") {
  const SweepFixture fixture;
  const Finished finished = fixture.aunet(
      {"bench", "bpe", "--json", "--train", "300", "--file", fixture.path("corpus.jsonl"), "--repeats", "3"});
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  const Json out = Json::parse(finished.out);
  CHECK(out["tokens"] == 300);
  CHECK(out["training"]["vocab"] == 300);
  CHECK(out["mb_per_s"][0] <= out["mb_per_s"][1]);
  CHECK(out["mb_per_s"][1] <= out["mb_per_s"][2]);
  CHECK(out["bytes_per_token"] > 1);
  CHECK(out["pieces_per_s"] > 0);
  CHECK(fixture.aunet({"bench", "bpe", "--repeats", "0"}).code == 2);
}
