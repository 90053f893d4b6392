// `aunet bench bpe`: how fast BPE encodes, and trains.
#pragma once

#include "cli/command.h"

namespace aunet {

int cmd_bench_bpe(const Args& args);

}  // namespace aunet
