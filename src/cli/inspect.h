// aunet why and aunet diff: what happened to a run, and what makes two runs different.
#pragma once

#include "cli/command.h"

namespace aunet {

/// State, cause, attempts, the last journal records and log lines of a run.
int cmd_why(const Args& args);
/// The fields of two runs' canonical configurations that differ: what gives them different keys.
int cmd_diff(const Args& args);

}  // namespace aunet
