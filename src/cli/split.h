// `aunet split`: text or ids in, stage boundaries out.
#pragma once

#include "cli/command.h"

namespace aunet {

int cmd_split(const Args& args);

}  // namespace aunet
