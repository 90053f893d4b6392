// aunet status: one row a run, from the ends of the journals.
#pragma once

#include "cli/command.h"

namespace aunet {

int cmd_status(const Args& args);

}  // namespace aunet
