// Which id comes next: from logits to one id.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/random.h"

namespace aunet {

struct Sampling {
  double temperature = 1;  // logits are divided by it; 0: the most likely id, no draw
  int64_t top_k = 0;       // only so many of the most likely ids; 0: all
  double top_p = 1;        // of those the smallest set of most likely ones that reaches this probability
  bool operator==(const Sampling&) const = default;
};

/// Draws one of the `allowed` ids (ascending) with probability softmax(logits / temperature), cut to top_k
/// and then top_p and scaled up again. Equal logits: the smaller id is the likelier one. One draw from
/// `random` a call, none at temperature 0; computed in double. Source: top-p as Holtzman et al. 2020
/// (nucleus), top-k as Fan et al. 2018 Throws Error when a logit of an allowed id is no finite number.
int32_t sample(std::span<const float> logits, const std::vector<int32_t>& allowed, const Sampling& sampling,
               RandomStream& random);

}  // namespace aunet
