// Split rules that read files, in experiments, sweeps and run.toml.
#include "config/rule_file.h"

#include "config/run_config.h"
#include "config/sweep_spec.h"
#include "core/error.h"
#include "core/file.h"
#include "tests/core/temporary_folder.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

namespace aunet {
namespace {

RunConfig read_with(const std::string& folder, const std::string& split) {
  const std::string text = fmt::format(
      "model = {{ kind = \"aunet\", dimensions = [32, 64], layers = [1, 1], split = \"{}\" }}\n"
      "data = {{ train = [\"t.jsonl\"], heldout = [\"h.jsonl\"], train_fingerprint = \"a\" }}\n"
      "optim = {{ lr = 0.1 }}\nhorizon = {{ windows = 10, batch_windows = 2 }}\n",
      split);
  return parse_run_config(text, folder + "/experiment.toml");
}

std::string key_with(const std::string& folder, const std::string& split) {
  return train_key(read_with(folder, split));
}

}  // namespace

TEST_CASE("the run key follows what a split rule's file holds, not where it is", "[config][rule_file]") {
  const TemporaryFolder folder;
  write_file_atomic(folder / "one.model", "some content");
  write_file_atomic(folder / "two.model", "some content");
  const std::string key = key_with(folder.path, "entropy=one.model@1.5");
  CHECK(key_with(folder.path, "entropy=two.model@1.5") == key);
  CHECK(key_with(folder.path, "entropy=" + folder.path + "/one.model@1.5") == key);
  CHECK(key_with(folder.path, "entropy=one.model@1.6") != key);
  CHECK(key_with(folder.path, "file=one.model") != key);
  CHECK(key_with(folder.path, "bpe=one.model") != key);
  CHECK(key_with(folder.path, "bpe=one.model") == key_with(folder.path, "bpe=one.model@gpt2"));
  CHECK(key_with(folder.path, "bpe=one.model") != key_with(folder.path, "bpe=one.model@llama3"));
  write_file_atomic(folder / "one.model", "other content");
  CHECK(key_with(folder.path, "entropy=one.model@1.5") != key);
  CHECK_THROWS_WITH(
      key_with(folder.path, "file=none"),
      Catch::Contains("experiment.toml:1:") && Catch::Contains("model.split: expected the file of rule"));
}

TEST_CASE("a resolved run keeps its rule's fingerprint and needs the file no more", "[config][rule_file]") {
  const TemporaryFolder folder;
  write_file_atomic(folder / "ends.jsonl", "{}");
  const RunConfig run = read_with(folder.path, "file=ends.jsonl");
  const std::string text = to_toml(run);
  CHECK(text.find("split = \"file=" + (folder / "ends.jsonl") + "\"") != std::string::npos);
  remove_tree(folder / "ends.jsonl");
  const RunConfig again = parse_run_config(text, "/elsewhere/run.toml");
  CHECK(again.model == run.model);
  CHECK(to_toml(again) == text);
  CHECK(train_key(again) == train_key(run));
  RunConfig unresolved = run;
  std::get<AunetConfig>(unresolved.model).split[0].fingerprint.clear();
  CHECK_THROWS_AS(train_key(unresolved), BugError);
}

TEST_CASE("rules without a file leave run.toml as it was", "[config][rule_file]") {
  for (const char* split : {"space", "every=4", "chars=3", "script=2", "word1=1@1"}) {
    const std::string text = to_toml(read_with("/none", split));
    CHECK(text.find(fmt::format("split = \"{}\"\n", split)) != std::string::npos);
    CHECK(text.find("fingerprint") == text.find("train_fingerprint") + 6);
    CHECK(text.find("split_fingerprints") == std::string::npos);
    CHECK(to_toml(parse_run_config(text, "run.toml")) == text);
  }
}

TEST_CASE("tuning's splits may read files", "[config][rule_file]") {
  const TemporaryFolder folder;
  write_file_atomic(folder / "m.model", "content");
  const std::string text =
      "[sweep]\nname = \"s\"\n[data]\ntrain = [\"t.jsonl\"]\nheldout = [\"h.jsonl\"]\n[budget]\nflops = "
      "[1e10]\n"
      "[[family]]\nname = \"a\"\nsizes = { per_budget = 1, around = \"optimum\" }\n"
      "model = { kind = \"aunet\", stages = 2, split = \"entropy=m.model@2\" }\n"
      "splits = [\"space\", \"entropy=m.model@2\", \"entropy=m.model@3\"]\n"
      "[tune]\naxes = [\"lr\", \"batch\", \"split\"]\n";
  const SweepSpec spec = parse_sweep_spec(text, folder / "sweep.toml");
  REQUIRE(spec.families[0].splits.size() == 3);
  CHECK(spec.families[0].splits[1] == std::get<AunetConfig>(spec.families[0].base).split);
  CHECK(spec.families[0].splits[2][0].fingerprint == spec.families[0].splits[1][0].fingerprint);
}

}  // namespace aunet
