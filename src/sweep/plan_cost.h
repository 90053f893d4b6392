// What a whole plan costs: time on given slots, device hours, disk, money.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sweep/plan.h"
#include "sweep/speed.h"

namespace aunet {

/// One run of the plan that is still to be made, in the engine's eyes.
struct PricedRun {
  const Cell* cell = nullptr;
  TimeEstimate time;
};

/// Seconds until the last of `runs` has ended with `slots` at a time (0: all at once): tuning trials first,
/// then the longest first, a branch of a run tree after its parent. The engine's own order but for tuning
/// rounds, which may add trials: a lower bound then.
double makespan_seconds(const std::vector<PricedRun>& runs, int64_t slots);

/// Disk of a run while it trains, bytes: its checkpoints, one more while it is written, and its journal.
double disk_bytes(const Cell& cell);
/// And when it is done.
double disk_bytes_left(const Cell& cell);

struct PlanCost {
  double seconds = 0;        // one after the other
  double error_seconds = 0;  // of `seconds`, one standard deviation: errors of one source go together
  double makespan = 0;
  double device_hours = 0;     // GPU hours, or core hours
  double disk_peak_bytes = 0;  // of all runs, when as many as there are slots train
};

/// `devices_per_run` GPUs or cores. Runs that are done are not to be in `runs`.
PlanCost plan_cost(const std::vector<PricedRun>& runs, int64_t slots, int64_t devices_per_run);

}  // namespace aunet
