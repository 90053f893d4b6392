// What may be deleted of a RUNS folder: nothing that a run, a fit or a resume still needs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/run_dir.h"

namespace aunet {

struct Garbage {
  std::string path, why;
  double n_bytes = 0;
  std::string key;  // of the run it belongs to; "": of none
};

/// In order of path:
///   checkpoints of done runs beyond the newest `keep` (0: as their run.toml says), but never one that a run
///   tree needs: the pinned one, and those that another run or a plan names as where it starts
///   leftovers of killed processes: NAME.tmp-PID files and step-N.tmp-PID folders, an hour old
///   tokenizers in RUNS/cache that no run directory has a copy of, not used for an hour; none while any sweep
///   of RUNS is at work, which may not have copied its own yet
/// Runs whose lock is held are passed over whole; so are runs whose run.toml cannot be read. Journals,
/// evaluations, logs, plans and tuning locks are never garbage.
std::vector<Garbage> find_garbage(const RunsRoot& runs, int64_t keep = 0);

/// Deletes it, under the lock of its run; a checkpoint is renamed first, so that a kill in between leaves no
/// half of one. False when somebody took the run meanwhile: it stays. Throws Error.
bool remove_garbage(const RunsRoot& runs, const Garbage& garbage);

}  // namespace aunet
