#include "nn/kernels/swiglu.h"

#include "nn/kernels/cuda_stream.h"

#include <ATen/ATen.h>

namespace aunet {

namespace {

at::Tensor wide(const at::Tensor& t) { return t.scalar_type() == at::kDouble ? t : t.to(at::kFloat); }

}  // namespace

at::Tensor swiglu(const at::Tensor& gates) {
  TORCH_CHECK(gates.dim() == 2 && gates.is_contiguous() && gates.size(1) % 2 == 0, "swiglu: gates ",
              gates.sizes());
#ifdef AUNET_WITH_CUDA
  if (has_cuda_kernel(gates)) {
    at::Tensor h = at::empty({gates.size(0), gates.size(1) / 2}, gates.options());
    swiglu_cuda(cuda_type(gates), h.size(0), h.size(1), gates.const_data_ptr(), h.mutable_data_ptr(),
                current_stream(h));
    return h;
  }
#endif
  const auto parts = wide(gates).chunk(2, 1);
  return (parts[0] * at::sigmoid(parts[0]) * parts[1]).to(gates.scalar_type());
}

at::Tensor swiglu_backward(const at::Tensor& gates, const at::Tensor& dh) {
#ifdef AUNET_WITH_CUDA
  if (has_cuda_kernel(gates)) {
    at::Tensor d_gates = at::empty_like(gates);
    const at::Tensor gradient = dh.contiguous();
    swiglu_backward_cuda(cuda_type(gates), dh.size(0), dh.size(1), gates.const_data_ptr(),
                         gradient.const_data_ptr(), d_gates.mutable_data_ptr(), current_stream(gates));
    return d_gates;
  }
#endif
  const auto parts = wide(gates).chunk(2, 1);
  const at::Tensor g = wide(dh), sigmoid = at::sigmoid(parts[0]), silu = parts[0] * sigmoid;
  return at::cat({g * parts[1] * (sigmoid + silu * (1 - sigmoid)), g * silu}, 1).to(gates.scalar_type());
}

}  // namespace aunet
