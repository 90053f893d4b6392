// How often the official split rules look ahead on a given text (DESIGN section 4, `aunet split --report`).
#pragma once

#include "config/model_config.h"
#include "data/corpus.h"

#include <cstdint>
#include <vector>

namespace aunet {

/// Positions per piece: the default context of a small run.
inline constexpr int64_t kLeakPiece = 512;
/// Pieces measured at most, evenly spread over the text: one costs as many runs of the rules as it has
/// positions.
inline constexpr int64_t kMaxLeakPieces = 200;

struct LeakReport {
  int64_t pieces = 0, pieces_measured = 0;
  int64_t positions = 0;   // levels compared
  int64_t boundaries = 0;  // of them above 0 in the whole piece
  int64_t changed = 0;     // level in the piece differs from the level when the piece ends there
  int64_t changed_boundaries = 0;
  double rate() const {
    return positions ? static_cast<double>(changed) / static_cast<double>(positions) : 0;
  }
  double boundary_rate() const {
    return boundaries ? static_cast<double>(changed_boundaries) / static_cast<double>(boundaries) : 0;
  }
};

/// Cuts the texts (ids) into pieces and compares every official level with the one that the bytes up to it
/// give. An unfinished character is no leak: its bytes but the last have level 0 either way.
LeakReport measure_leak(const std::vector<SplitRule>& rules, const std::vector<std::vector<int32_t>>& texts);

/// Bytes of text that warn_of_leak looks at.
inline constexpr int64_t kLeakSample = 16384;

/// Logs one line on a model that runs user rules in official mode: how many of their levels depend on later
/// bytes, in the beginnings of up to 32 documents. A warning if some do. Says nothing of other models: the
/// leak of the published rules is known (paper.md 0.9).
void warn_of_leak(const ModelConfig& model, const Corpus& corpus);

}  // namespace aunet
