// aunet plan SWEEP.toml: what a sweep would run, what it costs, where it stands. Trains nothing, writes
// nothing but the tokenizer cache.
#pragma once

#include "cli/command.h"

namespace aunet {

int cmd_plan(const Args& args);

}  // namespace aunet
