// aunet data inspect: what a corpus is made of, what is wrong with it, what of a benchmark it holds.
#pragma once

#include "cli/command.h"

namespace aunet {

int cmd_data_inspect(const Args& args);

}  // namespace aunet
