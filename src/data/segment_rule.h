// One split rule beyond the paper in official mode: what it says with the whole segment before it.
#pragma once

#include "config/split_rule.h"

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace aunet {

/// The counterpart of BoundaryRule: may look ahead. For one thread.
class SegmentRule {
 public:
  virtual ~SegmentRule() = default;
  /// Offsets of the bytes with a boundary, ascending. Any bytes are legal.
  virtual std::vector<int64_t> boundaries(std::string_view segment) = 0;
};

/// The rule that may look ahead, for `file` and `bpe`; for the others the causal machine
/// (make_boundary_rule.h), which has nothing to look for.
///
/// Throws   ConfigError for a rule that is malformed, or whose file is not as it should be
std::unique_ptr<SegmentRule> make_segment_rule(const SplitRule& rule);

}  // namespace aunet
