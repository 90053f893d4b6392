// What `aunet eval` and `aunet generate` are asked about: a run directory or one of its checkpoints.
#pragma once

#include <string>

#include "cli/run_parts.h"
#include "train/checkpoint.h"

namespace aunet {

struct RunTarget {
  RunDir run;
  std::string checkpoint;  // "": the newest
};

/// Throws ConfigError when `path` is neither a run directory nor a checkpoint folder of one.
RunTarget find_target(const std::string& path);

/// Loads its weights into the model of `parts`. Throws Error when there is no complete checkpoint.
LoadedCheckpoint load_target(const RunTarget& target, const RunParts& parts);

}  // namespace aunet
