// Random valid runs, and equality of runs field by field, for the tests of this room.
#pragma once

#include "config/run_config.h"
#include "core/random.h"

namespace aunet {

RunConfig random_run(RandomStream& stream);

/// Every field of every section.
bool same_run(const RunConfig& a, const RunConfig& b);

}  // namespace aunet
