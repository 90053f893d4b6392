// `aunet bench split`: how fast the split rules are.
#pragma once

#include "cli/command.h"

namespace aunet {

int cmd_bench_split(const Args& args);

}  // namespace aunet
