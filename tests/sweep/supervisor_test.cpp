// What the supervisor refuses before it starts anything. What it does afterwards is tested through the binary
// (tests/cli).
#include "sweep/supervisor.h"

#include "core/error.h"
#include "core/file.h"
#include "core/journal.h"
#include "core/machine.h"
#include "sweep/claim_register.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>

using namespace aunet;
using Catch::Contains;

namespace {

/// Counts starts; nothing ever runs.
class NoLauncher : public Launcher {
 public:
  int64_t start(const RunDir&, const Placement&) override { return ++n_started; }
  std::optional<ProcessEnd> poll(int64_t) override { return ProcessEnd{2, 0}; }
  bool ask_to_stop(int64_t) override { return false; }
  void kill(int64_t) override {}
  std::optional<int64_t> find(const RunDir&, int64_t) override { return std::nullopt; }
  int64_t n_started = 0;
};

struct Folder {
  std::string path =
      (std::filesystem::temp_directory_path() / ("aunet-sup-" + std::to_string(getpid()))).string();
  Folder() { make_directories(path); }
  ~Folder() { remove_tree(path); }
};

Plan plan_of(const std::string& key, int64_t n_params) {
  Cell cell;
  cell.key = key;
  cell.family = "bpe";
  cell.params.total = n_params;
  cell.run.model = TransformerConfig{};
  Plan plan;
  plan.sweep = "one";
  plan.cells = {cell};
  return plan;
}

RunConfig small_run() {
  RunConfig run;
  TransformerConfig model;
  model.tokenizer.kind = "bytes";
  model.dim = 64;
  model.n_layers = 1;
  model.vocab_size = 258;
  run.model = model;
  run.data.train = {{"/nowhere.jsonl", 1}};
  run.data.heldout = {"/nowhere.jsonl"};
  run.data.train_fingerprint = "f";
  run.optim.lr = 0.01;
  run.horizon.windows = 100;
  run.horizon.batch_windows = 1;
  return run;
}

SweepOutcome supervise_plan(const Folder& folder, NoLauncher& launcher, const Plan& plan) {
  SupervisorOptions options;
  options.runs = {folder.path};
  return supervise([&](const LossLookup&) { return plan; }, launcher, [](double) { return 0; }, options);
}

}  // namespace

TEST_CASE("a sweep whose checkpoints would not fit on the disk is refused before it starts", "[sweep]") {
  const Folder folder;
  NoLauncher launcher;
  const Plan plan = plan_of("0123456789abcdef", int64_t{1} << 50);  // 2^50 parameters: 40 PB of checkpoints
  CHECK_THROWS_WITH(supervise_plan(folder, launcher, plan),
                    Contains("disk: the runs may need") && Contains("are free"));
  CHECK(launcher.n_started == 0);
}

TEST_CASE("a run that does not fit into the memory is said before anything starts, unless that is waived",
          "[sweep][memory]") {
  const Folder folder;
  NoLauncher launcher;
  Plan plan = plan_of("0123456789abcdef", 1000);
  plan.cells[0].memory_bytes = 1e18;
  CHECK_THROWS_WITH(supervise_plan(folder, launcher, plan),
                    Contains("memory: run 0123456789abcdef (bpe") && Contains("are available (--no-memory"));
  CHECK(launcher.n_started == 0);
  SupervisorOptions options;
  options.runs = {folder.path};
  options.check_memory = false;
  const PlanMaker maker = [&](const LossLookup&) { return plan; };
  CHECK_THROWS_WITH(supervise(
                        maker, launcher, [](double) { return 0; }, options),
                    !Contains("memory"));
}

TEST_CASE("a run for which memory never comes fails as soon as nothing else of the sweep runs",
          "[sweep][memory]") {
  const Folder folder;
  NoLauncher launcher;
  Plan plan = plan_of("0123456789abcdef", 1000);
  plan.cells[0].run = small_run();
  plan.cells.push_back(plan.cells[0]);
  plan.cells[1].key = "fedcba9876543210";
  plan.cells[1].memory_bytes = 1e18;
  SupervisorOptions options;
  options.runs = {folder.path};
  const RunDir first = options.runs.run("0123456789abcdef");
  make_directories(first.path);
  auto somebody = std::make_unique<FileLock>(first.lock());  // an adopted run: nothing is refused
  const auto release = [&](double) {
    if (somebody) {
      AppendFile journal(first.journal());
      journal.append_line(to_json_line(AttemptRecord{.attempt = 1}));
      journal.append_line(to_json_line(EndRecord{1, 5, "done", "", ""}));
    }
    somebody.reset();
    return 0;
  };
  const SweepOutcome outcome = supervise([&](const LossLookup&) { return plan; }, launcher, release, options);
  CHECK(outcome.done == 1);
  REQUIRE(outcome.failed.size() == 1);
  CHECK(outcome.failed[0].key == "fedcba9876543210");
  CHECK(outcome.failed[0].cause == "oom");
  CHECK_THAT(outcome.failed[0].message, Contains("not started: it may need"));
  CHECK(launcher.n_started == 0);
}

TEST_CASE("a command's runs need no memory of this machine", "[sweep][memory]") {
  const Folder folder;
  NoLauncher launcher;
  Plan plan = plan_of("0123456789abcdef", 1000);
  plan.cells[0].run = small_run();
  plan.cells[0].memory_bytes = 1e18;
  SupervisorOptions options;
  options.runs = {folder.path};
  options.here = false;
  const SweepOutcome outcome =
      supervise([&](const LossLookup&) { return plan; }, launcher, [](double) { return 0; }, options);
  CHECK(launcher.n_started == 1);
  REQUIRE(outcome.failed.size() == 1);
  CHECK(outcome.failed[0].cause == "config");
}

TEST_CASE("the process of a run is known from its last attempt, on the machine where that was begun",
          "[sweep]") {
  const Folder folder;
  const RunDir run{folder.path};
  CHECK(last_attempt_pid(run) == 0);
  AppendFile journal(run.journal());
  const auto attempt = [&](int64_t number, const std::string& host, int64_t pid) {
    journal.append_line(to_json_line(AttemptRecord{.attempt = number, .host = host, .pid = pid}));
    for (int64_t step = 1; step < 1000; ++step)
      journal.append_line(to_json_line(StepRecord{.attempt = number, .step = step}));
  };
  attempt(1, host_name(), 11);
  CHECK(last_attempt_pid(run) == 11);
  attempt(2, "elsewhere", 12);
  CHECK(last_attempt_pid(run) == 0);
  attempt(3, "", 13);  // a journal of an earlier release
  CHECK(last_attempt_pid(run) == 13);
}

TEST_CASE("declared data cannot be run: the cells have no keys", "[sweep]") {
  const Folder folder;
  NoLauncher launcher;
  CHECK_THROWS_AS(supervise_plan(folder, launcher, plan_of("", 1000)), ConfigError);
  CHECK(launcher.n_started == 0);
}

TEST_CASE("two supervisors of one sweep: the second is refused", "[sweep]") {
  const Folder folder;
  make_directories(folder.path + "/plans");
  const FileLock first(folder.path + "/plans/one.lock");
  NoLauncher launcher;
  CHECK_THROWS_WITH(supervise_plan(folder, launcher, plan_of("0123456789abcdef", 1000)),
                    Contains("another `aunet sweep` is running this sweep"));
}

TEST_CASE("a claim is registered once, before the first run starts, and a later change does not replace it",
          "[sweep][claim]") {
  const Folder folder;
  Plan plan = plan_of("0123456789abcdef", 1000);
  plan.claims.emplace_back();
  plan.claims[0].id = "tie";
  plan.claims[0].text = "first";
  const auto registered = [&] {
    return nlohmann::json::parse(read_file(folder.path + "/plans/one.json"))["claims"];
  };
  const std::string first_hash = claim_hash(plan.claims[0]);
  NoLauncher launcher;
  CHECK_THROWS(supervise_plan(folder, launcher, plan));  // the run has no data: it cannot be prepared
  CHECK(launcher.n_started == 0);
  CHECK(registered()[0]["hash"] == first_hash);
  plan.claims[0].statement = plan.claims[0].text = "second";
  plan.claims.emplace_back().id = "another";
  const nlohmann::json kept = registered_claims(folder.path + "/plans/one.json", plan.claims);
  REQUIRE(kept.size() == 2);
  CHECK(kept[0]["text"] == "first");
  CHECK(kept[0]["hash"] == first_hash);
  CHECK(kept[1]["id"] == "another");
  CHECK(kept[0]["registered"].get<std::string>().size() == std::string("2026-01-01T00:00:00Z").size());
}
