// Products with fp32 master weights, shared by the composed kernels.
#pragma once

#include <ATen/ATen.h>

namespace aunet {

/// A weight in the activations' type (the tensor itself when it has it).
inline at::Tensor as(const at::Tensor& w, const at::Tensor& like) { return w.to(like.scalar_type()); }

inline at::Tensor times_transposed(const at::Tensor& x, const at::Tensor& w) {
  return at::mm(x, as(w, x).t());
}

/// grad += dy^T x.
inline void add_weight_gradient(at::Tensor grad, const at::Tensor& dy, const at::Tensor& x) {
  if (grad.scalar_type() == dy.scalar_type())
    grad.addmm_(dy.t(), x);
  else
    grad.add_(at::mm(dy.t(), x));
}

/// RMSNorm(x) from a known rstd, in x's type.
inline at::Tensor apply_norm(const at::Tensor& x, const at::Tensor& w, const at::Tensor& rstd) {
  return (x * rstd.unsqueeze(1) * w).to(x.scalar_type());
}

}  // namespace aunet
