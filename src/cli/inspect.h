// aunet diff: what makes two runs different.
#pragma once

#include "cli/command.h"

namespace aunet {

/// The fields of two runs' canonical configurations that differ: what gives them different keys.
int cmd_diff(const Args& args);

}  // namespace aunet
