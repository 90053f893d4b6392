// Run trees under the supervisor: what starts when, and from where. The launcher is played by the test.
#include "config/schedule.h"
#include "core/file.h"
#include "core/journal.h"
#include "sweep/supervisor.h"
#include "tests/sweep/fake_data.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <memory>
#include <unistd.h>
#include <vector>

using namespace aunet;

namespace {

struct Folder {
  std::string path =
      (std::filesystem::temp_directory_path() / ("aunet-tree-" + std::to_string(getpid()))).string();
  Folder() { make_directories(path); }
  ~Folder() { remove_tree(path); }
};

Plan tree_plan(const std::string& budgets) {
  const SweepSpec spec = parse_sweep_spec(fmt::format(R"(
[sweep]
name = "tree"
[data]
train = ["a.jsonl"]
heldout = ["b.jsonl"]
context_bytes = 256
[budget]
flops = [{}]
[[family]]
name = "aunet2"
model = {{ kind = "aunet", stages = 2, split = "word" }}
sizes = {{ dims = [[16, 32]], layers = [[1, 1]] }}
lr = 0.02
batch_bytes = 256
[schedule]
kind = "wsd"
)",
                                                      budgets),
                                          "tree.toml");
  FakeData data;
  return make_plan(spec, data.provider(), kNoLosses);
}

/// A trainer's traces in a run directory: journal, checkpoints, end.
class Traces {
 public:
  explicit Traces(RunDir run) : run_(std::move(run)), config_(read_run_config(run_.run_toml())) {
    append(AttemptRecord{.attempt = attempt_ = summarize(read_all()).attempts + 1, .from_step = step()});
  }
  int64_t step() const { return step_; }
  int64_t n_steps() const { return total_steps(config_.horizon); }
  int64_t pin() const { return config_.runtime.checkpoint_pin; }
  void advance(int64_t to) {
    if (step_ < pin() && pin() <= to)
      make_directories(fmt::format("{}/step-{:08d}", run_.checkpoints(), pin()));
    step_ = to;
  }
  void end(const std::string& status, const std::string& cause = "") {
    if (status == "done")
      append(EvalRecord{.attempt = attempt_, .step = step_, .split = "heldout", .loss_bpb = 2});
    append(EndRecord{attempt_, step_, status, cause, ""});
  }

 private:
  std::vector<JournalRecord> read_all() const {
    return exists(run_.journal()) ? read_journal(run_.journal()) : std::vector<JournalRecord>();
  }
  void append(const JournalRecord& record) const {
    AppendFile(run_.journal()).append_line(to_json_line(record));
  }

  RunDir run_;
  RunConfig config_;
  int64_t attempt_ = 0, step_ = 0;
};

struct Start {
  std::string key, parent;
  int64_t parent_step = 0;
  std::vector<std::string> alive{};  // the others that were running then
};

/// Every poll takes a process a tenth of its run further.
class PlayedLauncher : public Launcher {
 public:
  struct Process {
    std::string key;
    std::unique_ptr<Traces> traces;
  };
  std::map<std::string, int64_t> fail_at;  // key -> step after which it ends in "nan"
  std::vector<Start> starts;

  int64_t start(const RunDir& run, const Placement&) override {
    const RunConfig config = read_run_config(run.run_toml());
    const std::string key = std::filesystem::path(run.path).filename().string();
    Start made{key, config.runtime.parent_key, config.runtime.parent_step};
    for (const auto& [handle, process] : alive_) made.alive.push_back(process.key);
    starts.push_back(made);
    alive_[static_cast<int64_t>(starts.size())] = {key, std::make_unique<Traces>(run)};
    return static_cast<int64_t>(starts.size());
  }
  std::optional<ProcessEnd> poll(int64_t handle) override {
    Process& process = alive_.at(handle);
    Traces& traces = *process.traces;
    const auto fails = fail_at.find(process.key);
    traces.advance(std::min(traces.n_steps(), traces.step() + std::max<int64_t>(1, traces.n_steps() / 10)));
    const bool failed = fails != fail_at.end() && traces.step() >= fails->second;
    if (!failed && traces.step() < traces.n_steps()) return std::nullopt;
    traces.end(failed ? "failed" : "done", failed ? "nan" : "");
    alive_.erase(handle);
    return ProcessEnd{failed ? 1 : 0, 0};
  }
  bool ask_to_stop(int64_t) override { return false; }
  void kill(int64_t) override {}
  std::optional<int64_t> find(const RunDir&, int64_t) override { return std::nullopt; }

 private:
  std::map<int64_t, Process> alive_;
};

SweepOutcome supervise_tree(
    const Folder& folder, PlayedLauncher& launcher, const Plan& plan, int64_t jobs,
    const std::string& only = "", const std::function<void()>& meanwhile = [] {}) {
  SupervisorOptions options;
  options.runs = {folder.path};
  options.jobs = jobs;
  options.only = only;
  const SignalWait wait = [&](double) {
    meanwhile();
    return 0;
  };
  return supervise([&](const LossLookup&) { return plan; }, launcher, wait, options);
}

int64_t pin_of(const Cell& cell) { return cell.run.runtime.checkpoint_pin; }

}  // namespace

TEST_CASE("one at a time, a tree runs from the shortest to the longest, each from the one before",
          "[sweep]") {
  const Folder folder;
  PlayedLauncher launcher;
  const Plan plan = tree_plan("1e9, 1.5e9, 2.25e9");
  const SweepOutcome outcome = supervise_tree(folder, launcher, plan, 1);
  CHECK(outcome.done == 3);
  REQUIRE(launcher.starts.size() == 3);
  for (size_t i = 0; i < 3; ++i) {
    CHECK(launcher.starts[i].key == plan.cells[i].key);
    CHECK(launcher.starts[i].parent == (i == 0 ? "" : plan.cells[i - 1].key));
    CHECK(launcher.starts[i].parent_step == (i == 0 ? 0 : pin_of(plan.cells[i - 1])));
  }
}

TEST_CASE("a branch starts while its parent still decays, not before", "[sweep]") {
  const Folder folder;
  PlayedLauncher launcher;
  const Plan plan = tree_plan("1e9, 1.5e9");
  CHECK(supervise_tree(folder, launcher, plan, 4).done == 2);
  REQUIRE(launcher.starts.size() == 2);
  CHECK(launcher.starts[1].parent == plan.cells[0].key);
  CHECK(launcher.starts[1].alive == std::vector<std::string>{plan.cells[0].key});
}

TEST_CASE("a parent that fails leaves its branches to its own parent, or to step 0", "[sweep]") {
  const Plan plan = tree_plan("1e9, 1.5e9, 2.25e9");
  {
    const Folder folder;
    PlayedLauncher launcher;
    launcher.fail_at[plan.cells[1].key] = 1;  // long before its pin
    const SweepOutcome outcome = supervise_tree(folder, launcher, plan, 1);
    CHECK(outcome.failed.size() == 1);
    REQUIRE(launcher.starts.size() == 3);
    CHECK(launcher.starts[2].key == plan.cells[2].key);
    CHECK(launcher.starts[2].parent == plan.cells[0].key);
    CHECK(launcher.starts[2].parent_step == pin_of(plan.cells[0]));
  }
  {
    const Folder folder;
    PlayedLauncher launcher;
    launcher.fail_at[plan.cells[0].key] = 1;
    CHECK(supervise_tree(folder, launcher, plan, 1).done == 2);
    CHECK(launcher.starts[1].parent.empty());
    CHECK(launcher.starts[2].parent == plan.cells[1].key);
  }
  {
    const Folder folder;
    PlayedLauncher launcher;
    launcher.fail_at[plan.cells[0].key] = plan.cells[0].steps;  // in its decay: the stable phase is good
    CHECK(supervise_tree(folder, launcher, plan, 1).done == 2);
    CHECK(launcher.starts[1].parent == plan.cells[0].key);
  }
}

TEST_CASE("--only a branch: from a checkpoint of an earlier call, else from step 0", "[sweep]") {
  const Plan plan = tree_plan("1e9, 1.5e9, 2.25e9");
  const Folder folder;
  PlayedLauncher launcher;
  CHECK(supervise_tree(folder, launcher, plan, 1, plan.cells[1].key).done == 1);
  REQUIRE(launcher.starts.size() == 1);
  CHECK(launcher.starts[0].parent.empty());
  CHECK(supervise_tree(folder, launcher, plan, 1, plan.cells[2].key).done == 1);
  CHECK(launcher.starts[1].parent == plan.cells[1].key);
  CHECK(launcher.starts[1].parent_step == pin_of(plan.cells[1]));
}

TEST_CASE("a longer budget goes on from the finished tree", "[sweep]") {
  const Folder folder;
  PlayedLauncher launcher;
  supervise_tree(folder, launcher, tree_plan("1e9, 1.5e9"), 1);
  const Plan longer = tree_plan("1e9, 1.5e9, 4e9");
  CHECK(supervise_tree(folder, launcher, longer, 1).already_done == 2);
  REQUIRE(launcher.starts.size() == 3);
  CHECK(launcher.starts[2].parent == longer.cells[1].key);
}

TEST_CASE("the branches of an adopted run wait for its checkpoint", "[sweep]") {
  const Plan plan = tree_plan("1e9, 1.5e9");
  const Folder folder;
  const RunDir parent = RunsRoot{folder.path}.run(plan.cells[0].key);
  make_directories(parent.path);
  write_file_atomic(parent.run_toml(), to_toml(plan.cells[0].run));
  Traces traces(parent);
  auto lock = std::make_unique<FileLock>(parent.lock());  // a process of an earlier supervisor
  PlayedLauncher launcher;
  int64_t calls = 0, started_at = -1;
  const auto meanwhile = [&] {
    ++calls;
    if (started_at < 0 && !launcher.starts.empty()) started_at = calls;
    if (calls == 5) traces.advance(traces.pin());
    if (calls == 8) {
      traces.advance(traces.n_steps());
      traces.end("done");
      lock.reset();
    }
  };
  CHECK(supervise_tree(folder, launcher, plan, 2, "", meanwhile).done == 2);
  REQUIRE(launcher.starts.size() == 1);
  CHECK(launcher.starts[0].parent == plan.cells[0].key);
  CHECK(started_at == 6);  // the next look after the checkpoint appeared, before the parent's end
}
