// How a person names many runs on the command line: sweeps and keys, mixed.
#pragma once

#include <string>
#include <vector>

#include "core/run_dir.h"

namespace aunet {

struct Selection {
  std::vector<std::string> sweeps;  // names
  std::vector<std::string> keys;    // runs named one by one
};

/// Each name is a sweep file, the name of a sweep with a plan in `runs`, or a run (cli/find_run.h). Throws
/// ConfigError for anything else.
Selection select_runs(const RunsRoot& runs, const std::vector<std::string>& names);

/// Keys of the cells of RUNS/plans/SWEEP.json that have a run directory, each once; [] without a plan.
std::vector<std::string> keys_of_sweep(const RunsRoot& runs, const std::string& sweep);
/// Keys of all run directories of `runs`.
std::vector<std::string> all_keys(const RunsRoot& runs);
/// Sweeps that have a plan in `runs`.
std::vector<std::string> all_sweeps(const RunsRoot& runs);

}  // namespace aunet
