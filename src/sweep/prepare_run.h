// Makes the folder a trainer starts from.
#pragma once

#include "core/run_dir.h"
#include "sweep/plan.h"

namespace aunet {

/// Creates RUNS/KEY with tokenizer.tiktoken (when the run uses a BPE), split-N (what its split rules read)
/// and, last and atomically, run.toml: a folder that has a run.toml is complete. Paths of data in it are
/// absolute, so that it may be resumed from anywhere.
///
/// A folder that already exists keeps its `threads` and `device` (they decide the bits) and takes the plan's
/// paths and checkpoint rhythm. Throws Error when its run.toml describes another run under the same key.
RunDir prepare_run(const RunsRoot& runs, const Cell& cell);

/// The same for a folder of the user's choice (`aunet train --run-dir`).
void prepare_run_directory(const RunDir& run, const RunConfig& config);

}  // namespace aunet
