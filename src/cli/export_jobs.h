// aunet plan --export-jobs: the cells as commands, one a line, for any queue that takes commands.
#pragma once

#include <string>

#include "config/engine.h"
#include "core/run_dir.h"
#include "sweep/plan.h"

namespace aunet {

/// Prepares the run directory of every cell that is neither done nor provisional and returns the commands
/// that run them: shell words, absolute paths, each key once, in the plan's order but for run trees, whose
/// shorter cells come first. A branch is prepared to start from its parent, whose line may still have to run;
/// one that is started before its parent has the checkpoint begins at step 0.
std::string export_jobs(const Plan& plan, const RunsRoot& runs, const RetrySpec& retry);

}  // namespace aunet
