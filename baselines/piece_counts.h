// How often each piece of a pre-tokenizer occurs in some texts: all that BPE training needs of them.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "baselines/pretokenizer.h"

namespace aunet {

/// Distinct pieces with their counts, in byte order. The views point into `texts`.
///
/// A byte that is no part of valid UTF-8 is a piece of its own; it has no pairs and is left out. So is every
/// piece of one byte. The same for any number of threads (at least 1). Throws what the pattern throws.
std::vector<std::pair<std::string_view, int64_t>> count_pieces(const std::vector<std::string_view>& texts,
                                                               const Pretokenizer& pretokenizer, int threads);

}  // namespace aunet
