// The table of causal machines: from a rule as written to what reads the bytes.
#pragma once

#include "config/model_config.h"
#include "data/boundary_rule.h"

#include <memory>

namespace aunet {

/// The causal machine of one rule.
///
/// Throws   ConfigError for a rule that is unknown or malformed
std::unique_ptr<BoundaryRule> make_boundary_rule(const SplitRule& rule);

}  // namespace aunet
