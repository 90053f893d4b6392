// What a new plan does to the runs of the last one: which results it goes on using, which it leaves behind,
// and why.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/run_dir.h"
#include "sweep/plan.h"

namespace aunet {

/// A setting in which runs of the last plan differ from the cells that stand in their place now.
struct ChangedSetting {
  std::string family;
  std::string setting;      // as in the key: "optim.weight_decay", "model.multiple_of", "data.train"
  std::string before, now;  // as JSON; "" when the key leaves it out
  int64_t runs = 0;         // begun or done
  std::string
      keep;  // an argument of `aunet plan` and `aunet sweep` that keeps the old value; "": there is none
};

/// A run that was begun or done for the last plan and is no cell of the new one. It stays on disk and in the
/// database.
struct OrphanedRun {
  std::string key, family, state;
  double flops = 0;  // planned, by the sweep's convention
};

struct PlanChanges {
  std::vector<OrphanedRun> orphaned;
  std::vector<ChangedSetting>
      settings;  // of the orphans whose place (family, role, budget, size, seeds) still exists
};

/// Compares `plan` with RUNS/plans/NAME.json, the last plan that `aunet sweep` wrote. Nothing when there is
/// none, or it cannot be read (a broken file is replaced by the next sweep call). Only runs that were begun
/// are looked at: a change that costs nothing is not worth a line.
PlanChanges plan_changes(const Plan& plan, const RunsRoot& runs);

/// Lines for people; empty when nothing was left behind.
std::vector<std::string> describe(const PlanChanges& changes);

}  // namespace aunet
