// Where the `bpe` rule comes from. The tokenizer lives in baselines/, above this room, so the binaries hand
// its rule down when they start (install_bpe_rule, baselines/bpe_rule.h).
#pragma once

#include "data/boundary_rule.h"
#include "data/segment_rule.h"

#include <memory>

namespace aunet {

struct BpeRules {
  std::unique_ptr<BoundaryRule> (*causal)(const SplitRule& rule) = nullptr;
  std::unique_ptr<SegmentRule> (*segment)(const SplitRule& rule) = nullptr;
};

/// Once, before any thread makes a rule.
void set_bpe_rules(const BpeRules& rules);
/// Throws BugError when none were set.
const BpeRules& bpe_rules();

}  // namespace aunet
