// `aunet bench loader`: how fast batches are built.
#pragma once

#include "cli/command.h"

namespace aunet {

int cmd_bench_loader(const Args& args);

}  // namespace aunet
