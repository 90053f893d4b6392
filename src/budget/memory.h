// What a training step keeps in memory, before anything runs. An estimate for plans, not a measurement.
#pragma once

#include <span>

#include "config/model_config.h"

namespace aunet {

/// Bytes by term, all in fp32 (4 bytes a number).
struct MemoryEstimate {
  double weights = 0, gradients = 0, moments = 0;  // moments: AdamW's two
  double activations = 0;                          // of one micro-batch, kept for its backward pass
  double total() const { return weights + gradients + moments + activations; }
};

/// Training memory with micro_rows[k] rows of stage k in a micro-batch (one entry for a transformer).
///
/// Counts   per row and block: both halves' inputs (2 d), Q, K, V, attention output, log-sum-exp a head, W1
/// and W3
///          outputs (2 f); per transition: pooled rows and upsampled rows, and per fine and coarse row what
///          average and max pooling (d and d), cross-attention (7 d and 4 d) and concatenation (2 d, fine)
///          keep; embedded rows; logits of at most kLogitRows rows (the heads work in chunks)
/// Omits    temporaries of a kernel, the allocator's slack, index tables, the corpus, the runtime (about 200
/// MB of
///          libraries), 16-bit copies on a GPU
/// Source   what nn/ saves for the backward pass
MemoryEstimate training_memory(const ModelConfig& model, std::span<const double> micro_rows);

/// Rows of logits alive at a time: an upper bound for memory estimates, not the kernel's chunk.
inline constexpr double kLogitRows = 4096;

}  // namespace aunet
