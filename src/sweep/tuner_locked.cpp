// The tuner and the lock of an earlier tuning: what it takes over from one, and the one that it leaves.
#include "sweep/ladder.h"
#include "sweep/tuner.h"

#include <fmt/format.h>

#include <algorithm>

namespace aunet {

/// The trials of the lock as cells of today's file. False, with the problem named, when they are others.
bool Tuner::take_locked(const FamilySpec& family, const LockedFamily& locked) {
  const auto fail = [&](const std::string& why) {
    lock_problem_ = fmt::format(
        "{}: the lock of this sweep was resolved for other settings ({}: {}): --relock "
        "tunes anew",
        spec_.file, family.name, why);
    return false;
  };
  if (locked.hash != tuning_hash(spec_, family))
    return fail("[tune] or the family's model, rate or batch differ");
  Result result{locked.tuned, true, {}};
  for (const TunedBudget& budget : locked.tuned.budgets) {
    for (const RanTrial& trial : budget.trials) {
      result.locked_trials.push_back(locked_trial(family, locked.tuned, budget, trial));
      const std::string& key = result.locked_trials.back().key;
      if (key != trial.key) return fail(fmt::format("trial {} would now be {}", trial.key, key));
    }
  }
  results_[family.name] = std::move(result);
  return true;
}

Cell Tuner::locked_trial(const FamilySpec& family, const TunedFamily& tuned, const TunedBudget& budget,
                         const RanTrial& trial) {
  const FamilySpec& moved = variant(family, trial.setting);
  FamilySpec as_given = moved;
  as_given.byte_width = 1;  // the widths of the lock are final
  const ModelConfig model = sized_model(as_given, spec_, trial.dims, trial.layers, trial.head_dims);
  const std::vector<double>& flops = spec_.budget.flops;
  const auto at = std::find(flops.begin(), flops.end(), budget.budget_flops);
  Cell cell = at == flops.end()  // the file has dropped the budget
                  ? factory_.for_budget(moved, model, budget.budget_flops, tuned.seeds)
                  : matcher_.cell(moved, static_cast<size_t>(at - flops.begin()), trial.size_index, model,
                                  tuned.seeds);
  cell.role = CellRole::Tune;
  cell.size_index = trial.size_index;
  factory_.finish(cell, moved, {trial.lr, trial.batch_windows, "trial", false, trial.weight_decay});
  return cell;
}

TuningLock Tuner::lock() const {
  TuningLock lock;
  lock.sweep = spec_.name;
  for (const FamilySpec& family : spec_.families) {
    const auto found = results_.find(family.name);
    if (found != results_.end()) lock.families.push_back({tuning_hash(spec_, family), found->second.tuned});
  }
  lock.families.insert(lock.families.end(), dropped_.begin(), dropped_.end());
  return lock;
}

}  // namespace aunet
