// RMSNorm over the last dimension, forward and backward, on any device. The CPU's training path has it fused
// into other kernels (cpu/row_kernels.h); this one serves CUDA and is the plain reference.
#pragma once

#include <ATen/core/Tensor.h>

namespace aunet {

/// y[i] = x[i] rstd[i] w in x's type, computed in fp32 (fp64 for fp64); rstd [R] = (mean x^2 + eps)^-0.5. x
/// [R, d] contiguous; w [d] fp32 (or x's type).
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& w, double eps, at::Tensor& rstd);

/// dx [R, d] in x's type; adds w's gradient to `w_grad`.
at::Tensor rms_norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& w,
                             const at::Tensor& rstd, const at::Tensor& w_grad);

}  // namespace aunet
