// `aunet-analyze compare`: which family needs less compute for the same loss, and how sure that is.
#pragma once

#include "cli/command.h"

namespace aunet {

/// aunet-analyze compare [--db F] [--sweep S] [--a X --b Y] [--convention useful|paper|executed|seconds]
/// [--bootstrap B]
/// [--seed N] [--include-leaky] [--include-repeated] [--store] [--json]. A refusal is a result: exit 0 with
/// the reason.
int cmd_compare(const Args& args);

}  // namespace aunet
