// The rows of `aunet status`: one a run, with what its journal says, and for the watch one a planned cell.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/run_dir.h"
#include "sweep/run_state.h"

namespace aunet {

struct StatusRow {
  std::string key, sweep, family;
  double budget_flops = 0;
  int64_t n_steps = 0;
  RunState state;
};

/// Every run directory of `runs`, and with `planned` also the cells of plans that have none yet (status
/// "new"). Sorted by sweep, family, budget, key.
std::vector<StatusRow> read_status_rows(const RunsRoot& runs, bool planned);

/// At the speed of the last steps; 0: unknown, or not running.
double seconds_left(const StatusRow& row);

/// "12 runs: 3 done, 2 running"; the words in order of the alphabet.
std::string count_states(const std::vector<StatusRow>& rows);

}  // namespace aunet
