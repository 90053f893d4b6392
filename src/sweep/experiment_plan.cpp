#include "sweep/experiment_plan.h"

#include "core/error.h"
#include "sweep/cell_factory.h"

#include <cmath>

namespace aunet {

namespace {

/// The experiment as a sweep of one family, which is what the factory works on.
SweepSpec sweep_of(const ExperimentSpec& experiment) {
  const RunConfig& run = experiment.run;
  SweepSpec spec;
  spec.file = spec.name = run.origin.name.empty() ? "experiment" : run.origin.name;
  spec.seeds_init = {run.seeds.init};
  spec.seeds_data = {run.seeds.data};
  spec.data.data = run.data;
  spec.data.evals = run.evals;
  spec.budget.convention = run.origin.convention;
  spec.optim = run.optim;
  spec.schedule = run.schedule;
  spec.runtime = run.runtime;
  FamilySpec family;
  family.kind = kind_of(run.model);
  family.name = run.origin.family.empty() ? family.kind : run.origin.family;
  if (const auto* aunet = std::get_if<AunetConfig>(&run.model))
    family.stages = static_cast<int64_t>(aunet->split.size()) + 1;
  family.base = run.model;
  family.line = 1;
  spec.families = {family};
  return spec;
}

/// Windows of `steps` whole steps of the batch that the experiment asks for.
int64_t windows_for_steps(const ExperimentSpec& experiment, CellFactory& factory, WindowSums& windows,
                          const FamilySpec& family) {
  int64_t batch = experiment.run.horizon.batch_windows;
  if (batch == 0) {
    constexpr int64_t kSample = 64;
    const Cell sample =
        factory.for_horizon(family, family.base, horizon_of(windows, kSample, 0), 0, experiment.run.seeds);
    batch = factory.windows_for_bytes(sample, experiment.batch_bytes.value_or(0));
  }
  return batch * *experiment.steps;
}

}  // namespace

Cell resolve_experiment(const ExperimentSpec& experiment, const FactsProvider& facts) {
  SweepSpec spec = sweep_of(experiment);
  fill_vocabulary(spec.families[0], spec, facts);
  const FamilySpec& family = spec.families[0];
  const RunConfig& run = experiment.run;
  CellFactory factory(spec, facts);
  WindowSums& windows = factory.sums(family, family.base, run.seeds.data);

  Cell cell;
  if (experiment.flops) {
    cell = factory.for_budget(family, family.base, *experiment.flops, run.seeds);
  } else {
    const Horizon horizon =
        experiment.bytes ? horizon_for_bytes(windows, *experiment.bytes)
        : run.horizon.windows > 0
            ? horizon_of(windows, run.horizon.windows, run.horizon.last_window_bytes)
            : horizon_of(windows, windows_for_steps(experiment, factory, windows, family), 0);
    cell = factory.for_horizon(family, family.base, horizon, run.origin.budget_flops, run.seeds);
  }
  cell.run.horizon.accumulation = run.horizon.accumulation;
  cell.run.origin = run.origin;
  if (experiment.flops) cell.run.origin.budget_flops = *experiment.flops;
  cell.run.origin.flops_planned = cell.flops_by_convention;
  const int64_t batch = run.horizon.batch_windows > 0
                            ? run.horizon.batch_windows
                            : factory.windows_for_bytes(cell, experiment.batch_bytes.value_or(0));
  factory.finish(cell, family, {run.optim.lr, batch, "given", false});
  return cell;
}

}  // namespace aunet
