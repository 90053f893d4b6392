// aunet gc takes nothing that a resume, a run tree or a fit needs.
#include "sweep/garbage.h"

#include "core/file.h"
#include "core/journal.h"
#include "sweep/prepare_run.h"
#include "tests/core/temporary_folder.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>

using namespace aunet;

namespace {

RunConfig some_run() {
  RunConfig run;
  run.model = TransformerConfig{};
  auto& model = std::get<TransformerConfig>(run.model);
  model.tokenizer.kind = "bytes";
  model.dim = 64;
  model.n_layers = 1;
  model.vocab_size = 258;
  run.data.train = {{"/nowhere.jsonl", 1}};
  run.data.heldout = {"/nowhere.jsonl"};
  run.data.train_fingerprint = "f";
  run.optim.lr = 0.01;
  run.horizon.windows = 100;
  run.horizon.batch_windows = 1;
  return run;
}

/// A run with checkpoints at `steps` and this end ("": none).
RunDir make_run(const RunsRoot& runs, const std::string& key, const RunConfig& config,
                const std::vector<int64_t>& steps, const std::string& status) {
  const RunDir run = runs.run(key);
  make_directories(run.path);
  write_file_atomic(run.run_toml(), to_toml(config));
  for (const int64_t step : steps) {
    const std::string folder = fmt::format("{}/step-{:08d}", run.checkpoints(), step);
    make_directories(folder);
    write_file_atomic(folder + "/model.safetensors", std::string(1000, 'x'));
  }
  AppendFile journal(run.journal());
  journal.append_line(to_json_line(AttemptRecord{.attempt = 1}));
  if (!status.empty()) journal.append_line(to_json_line(EndRecord{1, 100, status, "", ""}));
  return run;
}

std::set<std::string> paths(const RunsRoot& runs, int64_t keep = 0) {
  std::set<std::string> found;
  for (const Garbage& one : find_garbage(runs, keep)) found.insert(one.path.substr(runs.path.size() + 1));
  return found;
}

void make_old(const std::string& path) {
  using std::filesystem::file_time_type;
  std::filesystem::last_write_time(path, file_time_type::clock::now() - std::chrono::hours(2));
}

}  // namespace

TEST_CASE("only done runs lose checkpoints, and never those that a tree starts from", "[sweep][gc]") {
  const TemporaryFolder folder;
  const RunsRoot runs{folder.path};
  RunConfig pinned = some_run();
  pinned.runtime.checkpoint_pin = 10;
  make_run(runs, "000000000000000a", pinned, {10, 20, 30, 40, 50}, "done");
  RunConfig branch = some_run();
  branch.runtime.parent_key = "000000000000000a";
  branch.runtime.parent_step = 20;
  make_run(runs, "000000000000000b", branch, {30, 40, 50}, "");
  make_run(runs, "000000000000000c", some_run(), {30, 40, 50}, "failed");
  const RunDir held = make_run(runs, "000000000000000d", some_run(), {30, 40, 50}, "done");
  const FileLock lock(held.lock());
  CHECK(paths(runs) == std::set<std::string>{"000000000000000a/checkpoints/step-00000030"});
  CHECK(paths(runs, 1).count("000000000000000a/checkpoints/step-00000040") == 1);
  CHECK(paths(runs, 1).size() == 2);
  make_directories(runs.path + "/plans");
  write_file_atomic(runs.plan("s"), R"({"cells": [{"key": "x", "parent": "000000000000000a@30"}]})");
  CHECK(paths(runs).empty());
}

TEST_CASE("leftovers must be old, tokenizers old and without a run", "[sweep][gc]") {
  const TemporaryFolder folder;
  const RunsRoot runs{folder.path};
  const RunDir run = make_run(runs, "000000000000000a", some_run(), {10}, "failed");
  const std::string torn = run.checkpoints() + "/step-00000020.tmp-77", file = run.path + "/run.toml.tmp-77";
  make_directories(torn);
  write_file_atomic(file, "x");
  const std::string cache = runs.cache() + "/tokenizers/";
  make_directories(cache);
  write_file_atomic(run.tokenizer(), "of the run");
  write_file_atomic(cache + "a.tiktoken", "of the run");
  write_file_atomic(cache + "b.tiktoken", "of nobody");
  CHECK(paths(runs).empty());
  for (const std::string& path : {torn, file, cache + "a.tiktoken", cache + "b.tiktoken"}) make_old(path);
  CHECK(paths(runs) == std::set<std::string>{"000000000000000a/checkpoints/step-00000020.tmp-77",
                                             "000000000000000a/run.toml.tmp-77",
                                             "cache/tokenizers/b.tiktoken"});
  for (const Garbage& one : find_garbage(runs)) CHECK(remove_garbage(runs, one));
  CHECK(paths(runs).empty());
  CHECK(exists(run.journal()));
  CHECK(exists(run.checkpoints() + "/step-00000010"));
}

TEST_CASE("a run that somebody takes between the look and the deed is left alone", "[sweep][gc]") {
  const TemporaryFolder folder;
  const RunsRoot runs{folder.path};
  const RunDir run = make_run(runs, "000000000000000a", some_run(), {10, 20, 30}, "done");
  const std::vector<Garbage> found = find_garbage(runs);
  REQUIRE(found.size() == 1);
  CHECK(found[0].n_bytes == 1000);
  {
    const FileLock somebody(run.lock());
    CHECK(!remove_garbage(runs, found[0]));
    CHECK(exists(found[0].path));
  }
  CHECK(remove_garbage(runs, found[0]));
  CHECK(list_directory(run.checkpoints()) == std::vector<std::string>{"step-00000020", "step-00000030"});
}

TEST_CASE("nothing of the cache is garbage while a sweep is at work or Slurm has jobs of one",
          "[sweep][gc]") {
  const TemporaryFolder folder;
  const RunsRoot runs{folder.path};
  const std::string tokenizer = runs.cache() + "/tokenizers/b.tiktoken";
  make_directories(runs.cache() + "/tokenizers");
  make_directories(runs.path + "/plans/s.slurm");
  write_file_atomic(tokenizer, "of nobody yet");
  make_old(tokenizer);
  const std::vector<Garbage> found = find_garbage(runs);
  REQUIRE(found.size() == 1);
  {
    const FileLock sweep(runs.sweep_lock("other"));
    CHECK(paths(runs).empty());
    CHECK(!remove_garbage(runs, found[0]));
  }
  const std::string round = runs.path + "/plans/s.slurm/round-1.json";
  write_file_atomic(round, R"({"job": "7", "keys": ["x"], "follow_up": "", "closed": false})");
  CHECK(paths(runs).empty());
  write_file_atomic(round, R"({"job": "7", "keys": ["x"], "follow_up": "", "closed": true})");
  CHECK(paths(runs).size() == 1);
  CHECK(remove_garbage(runs, found[0]));
}

TEST_CASE("a leftover is NAME.tmp-PID and nothing that only looks like it", "[sweep][gc]") {
  const TemporaryFolder folder;
  const RunsRoot runs{folder.path};
  const RunDir run = make_run(runs, "000000000000000a", some_run(), {10}, "failed");
  for (const char* name : {"a.tmp-12", "a.tmp-12.bak", "a.tmp-x", "a.tmp-", ".tmp-12", "a.tmp-12 b"}) {
    write_file_atomic(run.path + "/" + name, "x");
    make_old(run.path + "/" + name);
  }
  CHECK(paths(runs) == std::set<std::string>{"000000000000000a/a.tmp-12"});
}
