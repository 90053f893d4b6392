// What to do about a run that ended badly.
#pragma once

#include <optional>
#include <string>

#include "config/run_config.h"
#include "sweep/run_state.h"

namespace aunet {

/// Where a run stands in the plans of RUNS/plans.
struct PlanPlace {
  std::string sweep, lr_source;
  int64_t n_superseded = 0;     // cells that overrides replaced on the way to this one
  std::string superseded_by{};  // key that took its place
  bool only_trial = false;      // a trial of the tuning rule, no cell of the grid
};
/// The first plan (by name) that has `key` as a cell, or as one that was superseded; nullopt when none has.
std::optional<PlanPlace> find_in_plans(const RunsRoot& runs, const std::string& key);

struct Advice {
  std::string text;           // one line
  std::string override_toml;  // an [[override]] to paste into the sweep file; "" when that is no cure
};

/// One line for every cause of core/journal.h. A loss that left the numbers (nan, diverged) gets an override:
/// half the rate; for a cell that an override made, half the rate again (a quarter of the planned one) and
/// half the clipping norm. Not a law: the ladder people climb by hand (reference/sweeps-and-fits.md), the
/// factors are ours.
Advice advise(const RunConfig& run, const std::string& key, const RunState& state,
              const std::optional<PlanPlace>& place);

}  // namespace aunet
