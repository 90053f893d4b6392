// The report of `aunet split --report`.
#pragma once

#include "config/split_rule.h"

#include <cstdint>
#include <string>
#include <vector>

namespace aunet {

struct SplitReportOptions {
  std::vector<int64_t>
      caps{};             // per stage, the first counts positions; []: the official ones, where there are any
  int64_t window = 8192;  // positions
  bool json = false;
};

/// Caps of the released configurations for 2 and 3 stages at 8192 positions (paper.md 0.2, 1.3); [] for more.
std::vector<int64_t> official_caps(size_t n_stages);

/// Prints units by stage and script, the leak rate of the official levels, and what caps would cut, as text
/// or as one JSON object. Throws ConfigError when the caps are not one per stage.
void print_split_report(const std::vector<SplitRule>& rules, SplitMode mode,
                        const std::vector<std::vector<int32_t>>& texts, const SplitReportOptions& options);

}  // namespace aunet
