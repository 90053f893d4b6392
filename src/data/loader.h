// Batches of the training stream, built ahead by a worker thread.
#pragma once

#include <cstdint>
#include <memory>

#include "config/run_config.h"
#include "data/batch.h"

namespace aunet {

/// Batch s (from 0) holds windows [s * batch_windows, min((s+1) * batch_windows, windows)), split into
/// horizon.accumulation micro-batches of consecutive windows (the last may be smaller; empty ones are left
/// out). next() at step s is a pure function of (corpus, run, s). Bounded: at most two steps ahead.
class Loader {
 public:
  Loader(const Corpus& corpus, const RunConfig& run, const Tokenizer& tokenizer, int64_t first_step = 0);
  ~Loader();
  /// Micro-batches of the next step; empty after the last step.
  std::vector<Batch> next();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace aunet
