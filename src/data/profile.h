// Exact row counts of the windows a run will consume, so that a plan's FLOPs are the run's FLOPs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/run_config.h"
#include "data/batch.h"

namespace aunet {

/// Rows per stage of the first windows of the training stream for one (split rules or tokenizer, data, seed).
struct DataProfile {
  int64_t n_stages = 0;
  std::vector<int32_t> rows;         // [n_windows, n_stages]
  std::vector<int32_t> text_bytes;   // [n_windows]
  std::vector<uint16_t> source;      // [n_windows] index into the sources: a window has one
  double epoch_bytes = 0;            // text bytes of one pass over the corpus
  std::vector<double> source_bytes;  // text bytes of each source
  double bytes_per_token = 0;        // text bytes / target units over the profiled windows; ~1 for bytes
  int64_t n_windows() const { return static_cast<int64_t>(text_bytes.size()); }
};

/// Profiles windows [0, n_windows). Sizes do not matter: only stages, split rules, caps or the tokenizer.
DataProfile profile(const Corpus& corpus, const DataConfig& data, const ModelConfig& model,
                    const Tokenizer& tokenizer, uint64_t data_seed, int64_t n_windows);

}  // namespace aunet
