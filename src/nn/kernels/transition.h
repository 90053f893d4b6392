// Between two stages, on packed rows: pool (gather, norm, linear) and multi-linear upsampling, forward and
// backward.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>

namespace aunet {

/// Index tables of one transition; see data/batch.h.
struct TransitionTables {
  at::Tensor kept, unit, order;  // [R_c], [R_f], [R_f] int64
  const int32_t* group =
      nullptr;  // [offsets + 1] on the host: rows order[group[q] .. group[q+1]) have offset q
};

/// norm [d_f]; down [d_c, d_f].
struct PoolTensors {
  at::Tensor norm, down;
};
struct PoolSaved {
  at::Tensor x;     // [R_f, d_f]
  at::Tensor rstd;  // [R_c]
};

/// [R_c, d_c] = RMSNorm(x[kept]) down^T. `saved` may be null.
/// Source: paper.md 1.1
at::Tensor pool(const at::Tensor& x, const at::Tensor& kept, const PoolTensors& w, double eps,
                PoolSaved* saved);
/// Gradient of x [R_f, d_f]: `d_skip` (the other gradient of x, consumed; undefined: zero) plus the pooled
/// rows'.
at::Tensor pool_backward(const at::Tensor& dy, at::Tensor d_skip, const at::Tensor& kept,
                         const PoolSaved& saved, const PoolTensors& w, const PoolTensors& grads);

/// norm [d_c]; up [d_f, d_c]; offsets [16, d_f, d_c]: one matrix per position inside the unit.
struct UpsampleTensors {
  at::Tensor norm, up, offsets;
};
struct UpsampleSaved {
  at::Tensor h;       // [R_c, d_c]
  at::Tensor normed;  // [R_c, d_c] RMSNorm(h)
  at::Tensor rstd;    // [R_c]
};

/// z[t] = skip[t] + (up + offsets[q(t)]) RMSNorm(h)[unit(t)]; skip undefined: zero. The two matrices are
/// added before the product, one product a row (exact in real arithmetic). Source: paper.md 1.1;
/// libtorch.md 1.3 (a)
at::Tensor upsample(const at::Tensor& h, const at::Tensor& skip, const TransitionTables& tables,
                    const UpsampleTensors& w, double eps, UpsampleSaved* saved);
/// Gradient of h [R_c, d_c] (skip's is dz itself).
at::Tensor upsample_backward(const at::Tensor& dz, const TransitionTables& tables, const UpsampleSaved& saved,
                             const UpsampleTensors& w, const UpsampleTensors& grads);

}  // namespace aunet
