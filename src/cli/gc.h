// aunet gc: deletes what no run needs any more.
#pragma once

#include "cli/command.h"

namespace aunet {

int cmd_gc(const Args& args);

}  // namespace aunet
