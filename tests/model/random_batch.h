// Random sequences with random boundaries, for tests of AU-Net.
#pragma once

#include "core/random.h"
#include "data/batch.h"
#include "model/aunet.h"

namespace aunet {

inline AunetConfig small_aunet() {
  AunetConfig c;
  c.dimensions = {16, 24, 40};
  c.layers = {1, 1, 2};
  c.head_dims = {8, 12, 20};
  c.residuals = {true, true};
  c.sliding_windows = {20, 16, 64};
  c.max_seqlens = {-1, -1, -1};
  c.multiple_of = 8;
  return c;
}

inline Sequence random_sequence(RandomStream& stream, int64_t rows, int64_t stages) {
  Sequence s;
  for (int64_t i = 0; i <= rows; ++i) {
    const auto id = static_cast<int32_t>(stream.below(256));
    int32_t level = 0;
    while (level + 1 < stages && stream.below(3) == 0) ++level;
    if (i < rows) s.inputs.push_back(id), s.input_levels.push_back(level);
    if (i > 0) s.targets.push_back(id), s.target_levels.push_back(level);
  }
  s.text_bytes = rows;
  return s;
}

}  // namespace aunet
