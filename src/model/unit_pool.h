// Pooling that looks at whole units: the alternatives to taking the boundary row (model/transition.h).
// Composed of differentiable ATen operations whose sums run in the order of rows.
#pragma once

#include "model/language_model.h"

#include <ATen/core/Tensor.h>

namespace aunet {

/// RMSNorm in plain differentiable operations: for the variants that no training run depends on for speed.
at::Tensor plain_norm(const at::Tensor& x, const at::Tensor& w, double eps);

/// [R_f, d] -> [R_c, d] mean of each unit's rows (DeviceTransition::pooled).
at::Tensor unit_average(const at::Tensor& x, const DeviceTransition& tables);
/// [R_f, d] -> [R_c, d] largest value of each feature; a tie shares its gradient.
at::Tensor unit_max(const at::Tensor& x, const DeviceTransition& tables);

/// One attention layer from a unit's boundary row to the unit's rows.
/// norm [d]; wqkv [3 d, d]: queries, keys, values; wo [d, d].
struct UnitAttention {
  Parameter *norm = nullptr, *wqkv = nullptr, *wo = nullptr;
  int64_t heads = 1;
  double eps = 1e-5;

  /// [R_f, d] -> [R_c, d]: x[kept] plus what the attention adds.
  at::Tensor forward(const at::Tensor& x, const DeviceTransition& tables) const;
};

}  // namespace aunet
