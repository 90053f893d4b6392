// The only FLOP counter in the house (DESIGN section 4, "Accounting").
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "config/model_config.h"

namespace aunet {

enum class Convention { Paper, Useful, Executed };
Convention parse_convention(const std::string& name, const std::string& where);
std::string to_string(Convention convention);

/// Training FLOPs (forward + backward) by term. A multiply-add is 2.
struct Flops {
  std::vector<double> linear;       // per stage: block matmuls (QKVO, SwiGLU), encoder and decoder together
  std::vector<double> attention;    // per stage
  double pool = 0, upsample = 0;    // transitions
  double head = 0;                  // vocabulary head (level head included)
  double total() const;
  Flops& operator+=(const Flops& other);
};

/// Training FLOPs of one sequence with rows[k] real rows at stage k (one entry for a transformer).
///
/// paper      6 (4 d^2 + 3 d f) a row and layer; attention 6 d S w (2S - w) / S^2 a row and layer with S = rows[k],
///            w = min(S, window) (BPE: window = S, so 6 d S); no head, no transitions (paper.md 2.2).
/// useful     3 x forward: linear maps 2 m k n (grouped queries counted as they are), head included, W_down per
///            coarse row, upsampling one product d_{k+1} x d_k per fine row (none for non-parametric pooling);
///            attention 4 d per visible (query, key) pair and layer, min(j+1, w) keys at row j.
/// executed   useful, with attention's backward at 2.5 x its forward (scores are recomputed) instead of 2 x.
/// Omits      norms, rotary, softmax, embedding look-ups, optimizer.
Flops sequence_flops(const ModelConfig& model, std::span<const int64_t> rows, Convention convention);

/// Forward FLOPs per text byte at long context (useful), for inference comparisons.
/// rows_per_byte[k]: rows of stage k per text byte; context_rows[k]: rows of stage k in one window.
double inference_flops_per_byte(const ModelConfig& model, std::span<const double> rows_per_byte,
                                std::span<const double> context_rows);

/// Dense bf16 peak in FLOP/s: 989.4e12 for H100 SXM and H200 (NVIDIA data sheet); 0 when unknown.
double peak_flops_per_second(const std::string& device_name);

}  // namespace aunet
