// h = silu(a) * b of gates [R, 2f] = [a, b], forward and backward, on any device.
#pragma once

#include <ATen/core/Tensor.h>

namespace aunet {

/// [R, f] in the gates' type, computed in fp32 (fp64 for fp64). gates contiguous.
at::Tensor swiglu(const at::Tensor& gates);
/// d_gates [R, 2f] from dh [R, f].
at::Tensor swiglu_backward(const at::Tensor& gates, const at::Tensor& dh);

}  // namespace aunet
