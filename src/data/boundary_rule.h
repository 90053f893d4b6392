// One split rule in causal mode: a machine that reads a segment byte by byte and never looks ahead.
#pragma once

#include <cstdint>

namespace aunet {

/// A rule decides for its own stage only; the level of a byte is that of the deepest rule with a boundary
/// there (data/split_rules.h). For one thread.
class BoundaryRule {
 public:
  virtual ~BoundaryRule() = default;
  /// Forgets everything: a new segment begins.
  virtual void start() = 0;
  /// Reads the next byte of the segment; true when the rule has a boundary at it. A boundary that the
  /// official rule would have put earlier, had it known, is at the first byte at which it is certain.
  virtual bool step(uint8_t byte) = 0;
};

}  // namespace aunet
