// What a call of `aunet sweep` leaves of its plan (the cells, the claims, the result of the tuning), and what
// it refuses first.
#pragma once

#include "core/run_dir.h"
#include "sweep/plan.h"

namespace aunet {

/// RUNS/plans/NAME.json, with the claims as they were first registered, and, when tuning is complete,
/// RUNS/plans/NAME.lock.toml.
void write_plan_files(const RunsRoot& runs, const Plan& plan);

/// Throws ConfigError when the cells have no keys, because their data are declared only.
void refuse_declared_data(const Plan& plan);

/// Throws Error when the disk of `runs` has not `needed` bytes free, and some for the database and logs.
void refuse_full_disk(const RunsRoot& runs, double needed);

}  // namespace aunet
