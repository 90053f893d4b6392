// Estimates of time and memory, and what they add up to for a plan.
#include "core/error.h"
#include "core/file.h"
#include "core/journal.h"
#include "sweep/calibration.h"
#include "sweep/plan_cost.h"
#include "sweep/speed.h"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <cmath>
#include <filesystem>

using namespace aunet;
using Catch::Contains;

namespace {

constexpr double kUnits = 512;  // rows of a step

/// A byte transformer of a width, as planned: 100 steps.
Cell cell_of(int64_t dim, double units = kUnits) {
  TransformerConfig model;
  model.tokenizer.kind = "bytes";
  model.dim = dim;
  model.n_layers = 2;
  model.head_dim = 8;
  model.multiple_of = 8;
  model.vocab_size = 258;
  Cell cell;
  cell.key = "dim" + std::to_string(dim);
  cell.family = "bytes";
  cell.run.model = model;
  cell.run.origin.family = "bytes";
  cell.run.data.train = {{"corpus.jsonl", 1}};
  cell.run.data.heldout = {"heldout.jsonl"};
  cell.run.data.train_fingerprint = "f";
  cell.run.optim.lr = 0.01;
  cell.run.horizon = {400, 4, 0, 1};
  cell.steps = 100;
  cell.rows = {units * 100};
  cell.text_bytes = units * 100;
  cell.flops_useful.head = 600.0 * static_cast<double>(dim * dim) * units * 100;
  cell.flops_by_convention = cell.flops_useful.total();
  cell.params.total = 1000 * dim;
  cell.memory_bytes = 1e6;
  cell.sources = {{units * 100, 5e6}};
  return cell;
}

double predicted_step(const Cell& cell, double units = kUnits) {
  return profile_step_seconds(device_profile("cpu"),
                              step_work(cell.run.model, units, cell.flops_useful.total() / 100), 1);
}

class Runs {
 public:
  Runs() : root_{std::filesystem::temp_directory_path() / ("aunet-estimate-" + std::to_string(getpid()))} {
    remove_tree(root_.path);
    make_directories(root_.path);
  }
  ~Runs() { remove_tree(root_.path); }
  const RunsRoot& root() const { return root_; }

  /// A finished run of the cell whose steps took `factor` times what the profile says.
  void add(const Cell& cell, double factor, const std::string& status = "done") const {
    const RunDir run = root_.run(cell.key);
    make_directories(run.path);
    write_file_atomic(run.run_toml(), to_toml(cell.run));
    AppendFile journal(run.journal());
    AttemptRecord attempt;
    attempt.attempt = 1;
    attempt.device = "cpu: fake";
    journal.append_line(to_json_line(attempt));
    const double step_seconds = factor * predicted_step(cell);
    for (int64_t step = 1; step <= 100; ++step) {
      StepRecord record;
      record.attempt = 1;
      record.step = step;
      record.units = record.text_bytes = static_cast<int64_t>(kUnits) * step;
      record.flops_useful = cell.flops_useful.total() / 100 * static_cast<double>(step);
      record.seconds = step_seconds;
      journal.append_line(to_json_line(record));
    }
    journal.append_line(
        to_json_line(EvalRecord{.attempt = 1, .step = 100, .split = "heldout", .seconds = 0.5}));
    EndRecord end{1, 100, status, "", ""};
    end.peak_bytes = 300'000'000;
    end.start_seconds = 2;
    end.seconds = 2 + 100 * step_seconds + 0.5;
    journal.append_line(to_json_line(end));
  }

 private:
  RunsRoot root_;
};

PricedRun priced(const Cell& cell, double seconds) { return {&cell, {seconds, "", 0.1}}; }

}  // namespace

TEST_CASE("a run is measured by its journal", "[sweep]") {
  const Runs runs;
  const Cell cell = cell_of(64);
  runs.add(cell, 1.5);
  const auto row = measure_run(runs.root().run(cell.key));
  REQUIRE(row);
  CHECK(row->step_seconds == Approx(1.5 * predicted_step(cell)));
  CHECK(row->evaluation_seconds == 0.5);
  CHECK(row->start_seconds == 2.0);
  CHECK(row->peak_bytes == 300e6);
  CHECK(row->units_per_step == kUnits);
  CHECK(row->family == "bytes");
}

TEST_CASE("without a run the profile is the estimate, and says so", "[sweep]") {
  const Cell cell = cell_of(64);
  const SpeedBook speeds(RunsRoot{"/nonexistent"});
  const TimeEstimate estimate = speeds.estimate(cell);
  const double unit = predicted_step(cell) / kUnits;
  CHECK(estimate.seconds == Approx(100 * predicted_step(cell) + device_profile("cpu").start_seconds +
                                   unit * kAssumedEvaluationUnits));
  CHECK_THAT(estimate.source, Contains("assumed: profile cpu"));
  CHECK(estimate.error == device_profile("cpu").log_error);
  CHECK(speeds.estimate_memory(cell).bytes == Approx(device_profile("cpu").process_bytes + 6e6));
}

TEST_CASE("measured runs correct the estimate, the nearest most, and its error shrinks", "[sweep]") {
  const Runs runs;
  for (const int64_t dim : {56, 64, 72}) runs.add(cell_of(dim), 2);
  for (const int64_t dim : {512, 520, 528}) runs.add(cell_of(dim), 4);
  const SpeedBook speeds(runs.root());
  const Cell near = cell_of(60), far = cell_of(516);
  const double overhead = 2 + 0.5;  // the measured start, and evaluations at the measured share of a step
  CHECK(speeds.estimate(near).seconds == Approx(overhead + 200 * predicted_step(near)).epsilon(0.1));
  CHECK(speeds.estimate(far).seconds == Approx(400 * predicted_step(far)).epsilon(0.3));
  CHECK(speeds.estimate(near).error < 0.2);
  CHECK_THAT(speeds.estimate(near).source, Contains("measured: 6 runs of this kind here, nearest dim"));
  CHECK(speeds.estimate_memory(near).bytes == Approx(300e6).epsilon(0.05));
  CHECK(speeds.family_rates().count("bytes") == 1);
}

TEST_CASE("the calibration table is refreshed by every finished run, and survives damage", "[sweep]") {
  const Runs runs;
  runs.add(cell_of(64), 2);
  runs.add(cell_of(72), 2, "failed");
  CHECK(refresh_calibration(runs.root()).size() == 2);
  const std::string table = runs.root().cache() + "/calibration.jsonl";
  const std::string first = read_file(table);
  CHECK_THAT(first, Contains("dim64") && !Contains("dim72"));  // an unfinished run may change yet
  runs.add(cell_of(80), 2);
  CHECK(refresh_calibration(runs.root()).size() == 3);
  write_file_atomic(table, "not a table\n" + first + "{\"torn");
  CHECK(refresh_calibration(runs.root()).size() == 3);
  CHECK(refresh_calibration(runs.root(), 0).size() == 2);  // from the table alone
}

TEST_CASE("other threads and devices are not measured by these runs", "[sweep]") {
  const Runs runs;
  runs.add(cell_of(64), 2);
  SpeedBook speeds(runs.root());
  Cell cell = cell_of(64);
  cell.run.runtime.threads = 2;
  CHECK_THAT(speeds.estimate(cell).source, Contains("assumed"));
  cell.run.runtime.threads = 1;
  speeds.assume_machine("cpu:2");
  CHECK_THAT(speeds.estimate(cell).source, Contains("measured"));
  speeds.assume_machine("h100:8");
  CHECK_THAT(speeds.estimate(cell).source, Contains("assumed: profile h100"));
}

TEST_CASE("a machine has slots by its devices and the runs' threads", "[sweep]") {
  CHECK(slots_of(parse_machine("cpu:8"), 2) == 4);
  CHECK(slots_of(parse_machine("cpu:2"), 4) == 1);
  CHECK(slots_of(parse_machine("h100:8"), 4) == 8);
  const std::string profile =
      std::filesystem::temp_directory_path() / ("aunet-profile-" + std::to_string(getpid()) + ".toml");
  write_file_atomic(profile, "gpus = 2\nat_once = 3\ntime = \"1h\"\n");
  const MachineSpec slurm = parse_machine("slurm:" + profile);
  remove_tree(profile);
  CHECK(slurm.profile == "h100");
  CHECK(slots_of(slurm, 1) == 3);
  CHECK(devices_of_run(slurm, 1) == 2);
  CHECK(slurm.limit_seconds == 3600 - 120);
}

TEST_CASE("the makespan fills the slots, trials first, branches after their parents", "[sweep]") {
  Cell a = cell_of(8), b = cell_of(16), c = cell_of(24);
  std::vector<PricedRun> runs = {priced(a, 10), priced(b, 6), priced(c, 5)};
  CHECK(makespan_seconds(runs, 1) == 21);
  CHECK(makespan_seconds(runs, 2) == 11);  // 10 | 6 + 5
  CHECK(makespan_seconds(runs, 0) == 10);
  CHECK(makespan_seconds({}, 2) == 0);
  c.role = CellRole::Tune;
  CHECK(makespan_seconds(runs, 2) == 15);  // the trial alone, then the two others
  c.role = CellRole::Grid;
  b.ancestors = {{a.key, 50}};
  CHECK(makespan_seconds(runs, 3) == 16);
}

TEST_CASE("a plan's cost adds up", "[sweep]") {
  Cell a = cell_of(8), b = cell_of(16);
  a.params.total = b.params.total = 1000;
  a.run.runtime.checkpoint_keep = b.run.runtime.checkpoint_keep = 2;
  const PlanCost cost = plan_cost({priced(a, 1800), priced(b, 1800)}, 1, 4);
  CHECK(cost.seconds == 3600);
  CHECK(cost.error_seconds == Approx(360));
  CHECK(cost.makespan == 3600);
  CHECK(cost.device_hours == 4);
  CHECK(cost.disk_peak_bytes == 2 * (2 * 12'000 + 400 * 100) + 12'000);
}
