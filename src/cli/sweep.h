// aunet sweep SWEEP.toml: runs a sweep to its end and fills the database.
#pragma once

#include "cli/command.h"

namespace aunet {

/// Exit code 0: all done; 1: some runs failed; 75: interrupted, the same command goes on.
int cmd_sweep(const Args& args);

}  // namespace aunet
