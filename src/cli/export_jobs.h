// aunet plan --export-jobs: the cells as commands, one a line, for any queue that takes commands.
#pragma once

#include <string>

#include "config/engine.h"
#include "core/run_dir.h"
#include "sweep/plan.h"

namespace aunet {

/// Prepares the run directory of every cell that is neither done nor provisional and returns the commands
/// that run them: shell words, absolute paths, each key once, in the plan's order (the shorter cells of a run
/// tree first: a branch that is started before its parent has the checkpoint begins at step 0).
std::string export_jobs(const Plan& plan, const RunsRoot& runs, const RetrySpec& retry);

/// Path of this program.
std::string own_program();

}  // namespace aunet
