// A list of rules in causal mode: the level of each byte of a segment, as it is read.
#pragma once

#include "config/model_config.h"
#include "data/boundary_rule.h"
#include "data/word_scanner.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace aunet {

class CausalRules {
 public:
  /// Throws ConfigError for a rule that is unknown or malformed, and for an empty list.
  explicit CausalRules(const std::vector<SplitRule>& rules);
  void start();
  /// Level of the next byte of the segment: the depth of the deepest rule with a boundary at it, 0 ..
  /// n_rules.
  int32_t step(uint8_t byte);
  /// Levels of a whole segment of bytes (0-255 each).
  void levels(const int32_t* bytes, int64_t n, int32_t* out);

 private:
  std::optional<WordScanner> words_;                // word rules alone: all of them in one machine
  std::vector<std::unique_ptr<BoundaryRule>> any_;  // otherwise one machine each
};

}  // namespace aunet
