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
  std::vector<double> linear;     // per stage: block matmuls (QKVO, SwiGLU), encoder and decoder together
  std::vector<double> attention;  // per stage
  double pool = 0, upsample = 0;  // transitions
  double head = 0;                // vocabulary head (level head and unit heads included)
  double total() const;
  Flops& operator+=(const Flops& other);
};

/// What the counter needs to know of one or many sequences, per stage. Workloads add up, so the FLOPs of a
/// run are training_flops() of the sum over its windows: no size needs the windows again.
struct Workload {
  std::vector<double> rows;          // real rows
  std::vector<double> pairs;         // visible (query, key) pairs: min(j + 1, w) at row j of each sequence
  std::vector<double> paper_pairs;   // w (2S - w) / 2 of a sequence of S rows, w = min(S, window)
  std::vector<double> unit_targets;  // predictions of a stage's own head; 0 where it has none
  Workload& operator+=(const Workload& other);
};

/// One sequence with rows[k] real rows at stage k (one entry for a transformer) under the model's windows.
Workload sequence_workload(const ModelConfig& model, std::span<const int64_t> rows);

/// Training FLOPs of a workload by term; sequence_flops() states the formulas.
Flops training_flops(const ModelConfig& model, const Workload& work, Convention convention);

/// Training FLOPs of one sequence with rows[k] real rows at stage k (one entry for a transformer).
///
/// paper      6 (4 d^2 + 3 d f) a row and layer; attention 6 d S w (2S - w) / S^2 a row and layer with
///            S = rows[k], w = min(S, window) (BPE: w = S, so 6 d S); no head, no transitions (paper.md 2.2).
/// useful     3 x forward: linear maps 2 m k n (grouped queries counted as they are), head included;
///            attention 4 d per visible (query, key) pair and layer, min(j+1, w) keys at row j; level head
///            2 d_1 x K a row.
///            Pool: W_down per coarse row; cross_attention adds queries and output 2 d_k^2 per coarse row,
///            keys and values 2 d_k^2 and 4 d_k of attention per fine row. average, max: sums and comparisons
///            are not counted. Upsample: one product d_{k+1} x d_k per fine row (scatter and nearest: per
///            coarse row); skip concat adds 2 d_k x d_k per fine row. non_param: nothing. Unit heads: d_k x V
///            per prediction. bytes: min(reach R_k, R_1) of a sequence, an upper bound (a unit shorter than
///            the reach has fewer); first_bytes: exactly sum_i max(0, R_k - i), i < reach.
/// executed   useful, with attention's backward at 2.5 x its forward (scores are recomputed) instead of 2 x.
/// Omits      norms, rotary, softmax, embedding look-ups, optimizer.
Flops sequence_flops(const ModelConfig& model, std::span<const int64_t> rows, Convention convention);

/// Forward FLOPs per text byte at the end of a full window (useful): min(context_rows[k], window) keys a row.
/// rows_per_byte[k]: rows of stage k per text byte; context_rows[k]: rows of stage k in one window.
double inference_flops_per_byte(const ModelConfig& model, std::span<const double> rows_per_byte,
                                std::span<const double> context_rows);

/// Dense bf16 peak in FLOP/s: 989.4e12 for H100 SXM and H200 (NVIDIA data sheet); 0 when unknown
/// (the PCIe and NVL cards are slower and not listed).
double peak_flops_per_second(const std::string& device_name);

}  // namespace aunet
