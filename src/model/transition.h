// Between stages k and k+1: pooling down, upsampling back up with the skip connection.
#pragma once

#include "config/model_config.h"
#include "model/language_model.h"
#include "model/unit_pool.h"

namespace aunet {

/// One transition, f = d_k, c = d_{k+1}. Unit j pools the fine rows kept[j-1]+1 .. kept[j] of its sequence
/// (the first: kept[j] alone) and serves kept[j] .. kept[j+1]-1; q(t) = (t - kept[unit(t)]) mod 16.
///
/// Down, x' [R_c, c] = W_down RMSNorm(a), a [R_c, f] by pooling_type:
///   indexed_matmul, repeat, scatter, nearest   a[j] = x[kept[j]]
///   average                                    a[j] = mean of x over the rows that j pools
///   max                                        a[j] = largest value of each feature over those rows
///   cross_attention                            a[j] = x[kept[j]] + W_o concat_h(sum_s p_h[s] v_h[s]), s over
///       those rows; q = W_q n[kept[j]], k[s] = W_k n[s], v[s] = W_v n[s], n = RMSNorm(x) with its own
///       weight; p_h = softmax_s(<q_h, k_h[s]> / sqrt(head_dims[k])); no positions, f / head_dims[k] heads
///   non_param        no a: x'[j][m i + n] = s b[i] + (1 - s) b[i-1], s = (n + 1) / m, b = x[kept[j]],
///       m = c / f, indices modulo f
/// Up, z [R_f, f], by upsampling, or where that is empty by pooling_type (indexed_matmul for average, max and
/// cross_attention), u = RMSNorm(h):
///   indexed_matmul   z[t] = (W_up + M_q(t)) u[unit(t)]      (the paper's multi-linear; 16 matrices)
///   repeat           z[t] = W_up (u[unit(t)] + e_q(t))      (16 vectors)
///   nearest          z[t] = W_up u[unit(t)]
///   scatter          z[kept[j]] = W_up u[j], zero elsewhere (the official "simple")
///   non_param        z[kept[j]] = means of h[j] over m features each, zero elsewhere
/// Out: z where the transition has no residual; else r + z (skip "add"), or W_skip [r ; z], W_skip [f, 2 f]
/// (skip "concat"), r = the encoder's output x.
/// No linear map has a bias. non_param has no weights; each width must be a multiple of the one before.
///
/// Causality: a[j] is made of rows up to kept[j], and reaches rows from kept[j] on, so row t depends on rows
/// <= t. Stepping byte by byte, a stage keeps of its open unit, from one kept row to the next: boundary types
/// nothing (a[j] is the row itself); average the sum and the number of its rows; max the largest values;
/// cross_attention k and v of its rows. It is reset after the row that closes the unit. On the way up: the
/// last u (or z of W_up) and q(t), for every type.
///
/// Source: paper.md 1.1 for the four official types, checked by golden/*.safetensors. The paper names average
/// and cross-attention pooling (section 2.2, Table 4) without equations: cross-attention follows BLT (arXiv
/// 2412.09871 section 3.2: one attention layer from the patch to its bytes, no positions, residual), with our
/// boundary row for the query in the place of a pooled one. max, nearest and concat are the usual U-Net's.
class StageTransition {
 public:
  /// Throws ConfigError for an unknown type, or widths that non_param cannot join.
  StageTransition(const AunetConfig& config, int64_t index, ParameterStore& store);
  /// [R_f, d_f] -> [R_c, d_c]. `skip` receives x for the way back: with boundary pooling its gradient and the
  /// pooled rows' meet in one node.
  at::Tensor down(const at::Tensor& x, const DeviceTransition& tables, at::Tensor& skip) const;
  /// [R_c, d_c] -> [R_f, d_f], joined with `skip` unless that is undefined.
  at::Tensor up(const at::Tensor& h, const at::Tensor& skip, const DeviceTransition& tables) const;

 private:
  at::Tensor down_boundary(const at::Tensor& x, const DeviceTransition& tables, at::Tensor& skip) const;
  at::Tensor down_without_weights(const at::Tensor& x, const DeviceTransition& tables) const;
  /// [R_c, d_f] -> [R_c, d_c].
  at::Tensor project_down(const at::Tensor& units) const;
  at::Tensor up_indexed(const at::Tensor& h, const at::Tensor& skip, const DeviceTransition& tables) const;
  at::Tensor up_plain(const at::Tensor& h, const DeviceTransition& tables) const;
  Pooling pooling_;
  Upsampling upsampling_;
  double eps_;
  int64_t features_ratio_ = 1;  // d_c / d_f of non_param
  Parameter *down_norm_ = nullptr, *trans_down_ = nullptr, *up_norm_ = nullptr, *trans_up_ = nullptr;
  Parameter* offsets_ = nullptr;  // [16, d_f, d_c] (indexed_matmul) or [16, d_c] (repeat)
  Parameter* skip_ = nullptr;     // [d_f, 2 d_f] (concat)
  UnitAttention attention_;       // cross_attention
};

}  // namespace aunet
