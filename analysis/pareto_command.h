// `aunet-analyze pareto`: which cells give the fewest bits per byte for what they cost to use.
#pragma once

#include "cli/command.h"

namespace aunet {

/// aunet-analyze pareto [--db F] [--sweep S] [--against inference|params|memory] [--include-leaky]
/// [--include-repeated] [--json]. Without the figures asked for: exit 0 with the reason.
int cmd_pareto(const Args& args);

}  // namespace aunet
