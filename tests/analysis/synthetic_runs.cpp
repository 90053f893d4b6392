#include "synthetic_runs.h"

#include "../db/synthetic.h"
#include "analysis/frontier.h"
#include "core/file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace aunet {
namespace {

constexpr int64_t kSteps = 200, kBatchWindows = 4;

struct PlannedRun {
  RunConfig run;
  FinalRow row;
};

RunConfig run_of(const FinalRow& row, double rate_factor) {
  const int64_t size = *row.size_index + 1;
  RunConfig run =
      row.kind == "aunet" ? testing::aunet_run(uint64_t(*row.seed)) : testing::bpe_run(uint64_t(*row.seed));
  if (auto* aunet = std::get_if<AunetConfig>(&run.model))
    aunet->dimensions = {32 * size, 64 * size};
  else
    std::get<TransformerConfig>(run.model).dim = 32 * size;
  run.origin = {.name = row.sweep,
                .family = row.family,
                .budget_flops = *row.budget_flops,
                .convention = "useful",
                .flops_planned = *row.budget_flops};
  // The budget is not in the key; a horizon that differs with it is.
  run.horizon = {.windows = kSteps * kBatchWindows,
                 .batch_windows = kBatchWindows,
                 .last_window_bytes = 100 + int64_t(std::llround(20 * std::log10(*row.budget_flops))),
                 .accumulation = 1};
  run.optim.lr *= rate_factor;
  return run;
}

std::vector<JournalRecord> journal_of(const PlannedRun& planned) {
  const FinalRow& row = planned.row;
  std::vector<JournalRecord> records = {testing::attempt(1), testing::gate(1, 0, "pass")};
  for (int64_t i = 1; i <= kSteps; ++i) {
    StepRecord step = testing::step(1, i);
    const double share = double(i) / double(kSteps);
    step.text_bytes = int64_t(std::llround(*row.bytes * share));
    step.units = step.text_bytes;
    step.flops_useful = *row.flops_useful * share;
    step.flops_executed = *row.flops_useful * share * 1.1;
    step.flops_paper = *row.flops_useful * share * (row.kind == "aunet" ? 0.97 : 0.6);
    step.loss_bpb = *row.loss_bpb * (0.98 + 0.5 * std::exp(-20 * share)) + 0.03 * std::sin(double(i) * 2.4);
    step.loss_nats = step.loss_bpb * std::log(2.0);
    step.seconds = *row.train_seconds / double(kSteps);
    records.push_back(step);
  }
  EvalRecord eval = testing::heldout(planned.run, 1, kSteps, *row.loss_bpb);
  records.push_back(eval);
  records.push_back(testing::gate(1, kSteps, "pass"));
  records.push_back(testing::end(1, kSteps, "done"));
  return records;
}

}  // namespace

void write_synthetic_database(const SyntheticSweep& sweep, const SyntheticTuning& tuning, uint64_t seed,
                              const std::string& runs, const std::string& db_path) {
  RandomStream stream(seed, "synthetic database");
  std::vector<std::string> cells;
  const auto write = [&](const FinalRow& row, double rate_factor, const std::string& role) {
    const PlannedRun planned{run_of(row, rate_factor), row};
    testing::append(testing::make_run(runs, planned.run), journal_of(planned));
    auto cell =
        nlohmann::json::parse(testing::cell_json(planned.run, role, *row.budget_flops, *row.size_index));
    cell["bytes"] = *row.bytes;
    cell["inference_flops_per_byte"] =
        *row.flops_useful / *row.bytes / 3;  // forward is a third of a training step
    cells.push_back(cell.dump());
  };
  for (size_t f = 0; f < sweep.families.size(); ++f) {
    const SyntheticFamily& family = sweep.families[f];
    const int n_trials = f == 0 ? tuning.trials_a : tuning.trials_b;
    for (int k = 0; k < n_trials; ++k) {
      const double steps = k - (n_trials - 1) / 2 + tuning.lean;  // 0 is the best rate
      const SurfaceOptimum best = surface_optimum(family.surface, sweep.budgets[0]);
      FinalRow row;
      row.sweep = "synthetic";
      row.family = family.name;
      row.kind = family.kind;
      row.budget_flops = row.flops_useful = sweep.budgets[0];
      row.size_index = 6;
      row.seed = 0;
      row.bytes = best.d;
      row.train_seconds = sweep.budgets[0] / 1e10;
      row.loss_bpb = best.loss * (1 + 0.01 * steps * steps);
      write(row, std::pow(2.0, steps), "tune");
    }
  }
  for (const FitInputRow& input : synthetic_rows(sweep, stream)) write(input.row, 1, input.row.role);
  testing::write_plan_file(runs, "synthetic", cells);
  const IngestReport report = ingest_file(db_path, {runs});
  if (!report.problems.empty())
    throw std::runtime_error(report.problems[0].path + ": " + report.problems[0].message);
}

}  // namespace aunet
