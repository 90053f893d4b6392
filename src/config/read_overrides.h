// Reads the [[override]] tables of a sweep.
#pragma once

#include <vector>

#include "config/reader.h"
#include "config/sweep_spec.h"

namespace aunet {

/// where, set = { lr, batch_bytes, weight_decay, clip, warmup, init_seed }, reason. A value is a number, or a
/// factor as text: "x0.5" (not for init_seed). Throws ConfigError.
std::vector<OverrideSpec> read_overrides(const Table& root);

}  // namespace aunet
