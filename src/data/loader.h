// Batches of the training stream, built ahead by worker threads.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "config/run_config.h"
#include "data/batch.h"

namespace aunet {

struct LoaderOptions {
  int64_t first_step = 0;  // a resume's: steps done
  int64_t workers = 1;     // threads; the batches are the same for any number
  int64_t rank = 0, n_ranks = 1;
};

/// What a step trains on: this rank's batches, and what all ranks have together.
struct StepBatches {
  std::vector<Batch> micro;  // [accumulation] at most; a rank has none of one that is smaller than the ranks
  TargetCounts counts;       // of the whole step
  int64_t text_bytes = 0;    // likewise
  int64_t cut_rows = 0;      // likewise
  int64_t n_stages = 1;
  std::vector<int64_t> rows;  // [sequences of the step, n_stages]: what the FLOP counter asks for
};

/// Step s (from 0) holds windows [s * batch_windows, min((s+1) * batch_windows, windows)), cut into
/// horizon.accumulation micro-batches of consecutive windows (the last may be smaller; empty ones are left
/// out), and each of these into n_ranks runs of consecutive windows, one per rank: ranks and micro-batches
/// share out one global batch. next() at step s is a pure function of (corpus, run, s, rank, n_ranks); a rank
/// builds the other ranks' batches too and drops them, so that all know the counts without a word.
/// Bounded: at most workers + 1 steps ahead.
class Loader {
 public:
  Loader(const Corpus& corpus, const RunConfig& run, const Tokenizer& tokenizer,
         const LoaderOptions& options = {});
  ~Loader();
  /// The next step's; without micro-batches and rows after the last step. Rethrows what a worker met.
  StepBatches next();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace aunet
