// Between stages k and k+1: pooling down, upsampling back up with the skip connection.
#pragma once

#include "config/model_config.h"
#include "model/language_model.h"

namespace aunet {

/// The transition kinds of the official code, by pooling_type:
/// indexed_matmul  x' = W_down RMSNorm(x[kept]);  z[t] = (W_up + M_q(t)) RMSNorm(h)[unit(t)] (multi-linear,
/// default) repeat          the same down;                 z[t] = W_up (RMSNorm(h)[unit(t)] + PosEmb[q(t)])
/// scatter         the same down;                 z[kept[j]] = W_up RMSNorm(h)[j], zero elsewhere  (official
/// "simple") non_param       x'[j] interleaves (a + roll(a)) / 2 and a = x[kept[j]];  z[kept[j]] = means of
/// h[j]'s adjacent pairs, zero
///                 elsewhere. No weights; each width must be twice the one before (the only ratio with a
///                 golden file).
/// q(t) = (t - kept[unit(t)]) mod 16. Source: paper.md 1.1; checked by golden/*.safetensors.
class StageTransition {
 public:
  /// Throws ConfigError for an unknown pooling type, or widths that non_param cannot join.
  StageTransition(const AunetConfig& config, int64_t index, ParameterStore& store);
  /// [R_f, d_f] -> [R_c, d_c]. `skip` receives x for the way back: its gradient and the pooled rows' meet in
  /// one node.
  at::Tensor down(const at::Tensor& x, const DeviceTransition& tables, at::Tensor& skip) const;
  /// [R_c, d_c] -> [R_f, d_f], `skip` added unless undefined.
  at::Tensor up(const at::Tensor& h, const at::Tensor& skip, const DeviceTransition& tables) const;

 private:
  at::Tensor up_indexed(const at::Tensor& h, const at::Tensor& skip, const DeviceTransition& tables) const;
  at::Tensor down_without_weights(const at::Tensor& x, const DeviceTransition& tables) const;
  at::Tensor up_plain(const at::Tensor& h, const DeviceTransition& tables) const;
  std::string pooling_;
  double eps_;
  Parameter *down_norm_ = nullptr, *trans_down_ = nullptr, *up_norm_ = nullptr, *trans_up_ = nullptr;
  Parameter* offsets_ = nullptr;  // [16, d_f, d_c] (indexed_matmul) or [16, d_c] (repeat)
};

}  // namespace aunet
