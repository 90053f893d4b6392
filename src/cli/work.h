// aunet work RUN: one prepared run to its end, as a cluster's job or an exported one does it.
#pragma once

#include "cli/command.h"

namespace aunet {

/// Exit code 0: done; 1: the run failed; 75: stopped, or its time was over, and it can go on.
int cmd_work(const Args& args);

}  // namespace aunet
