#include "nn/kernels/rms_norm.h"

#include "nn/kernels/cuda_stream.h"

#include <ATen/ATen.h>

namespace aunet {

namespace {

at::ScalarType sum_type(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& w, double eps, at::Tensor& rstd) {
  TORCH_CHECK(x.dim() == 2 && x.is_contiguous() && w.numel() == x.size(1), "rms_norm: x ", x.sizes(), ", w ",
              w.sizes());
#ifdef AUNET_WITH_CUDA
  if (has_cuda_kernel(x)) {
    at::Tensor y = at::empty_like(x);
    rstd = at::empty({x.size(0)}, x.options().dtype(at::kFloat));
    rms_norm_cuda(cuda_type(x), x.size(0), x.size(1), x.const_data_ptr(), w.const_data_ptr<float>(),
                  static_cast<float>(eps), y.mutable_data_ptr(), rstd.mutable_data_ptr<float>(),
                  current_stream(x));
    return y;
  }
#endif
  const at::Tensor wide = x.to(sum_type(x));
  rstd = at::rsqrt(wide.square().mean(1) + eps);
  return (wide * rstd.unsqueeze(1) * w).to(x.scalar_type());
}

at::Tensor rms_norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& w,
                             const at::Tensor& rstd, const at::Tensor& w_grad) {
#ifdef AUNET_WITH_CUDA
  if (has_cuda_kernel(x)) {
    const at::Tensor gradient = dy.contiguous();
    at::Tensor dx = at::empty_like(x);
    at::Tensor parts = at::empty({rms_norm_parts(x.size(0)), x.size(1)}, x.options().dtype(at::kFloat));
    rms_norm_backward_cuda(cuda_type(x), x.size(0), x.size(1), gradient.const_data_ptr(), x.const_data_ptr(),
                           w.const_data_ptr<float>(), rstd.const_data_ptr<float>(), dx.mutable_data_ptr(),
                           parts.mutable_data_ptr<float>(), current_stream(x));
    w_grad.add_(parts.sum(0));
    return dx;
  }
#endif
  const at::Tensor wide = x.to(sum_type(x)), g = dy.to(sum_type(x)), r = rstd.unsqueeze(1);
  w_grad.add_((g * wide * r).sum(0));
  const at::Tensor gw = g * w;
  return (r * (gw - wide * (r * r * (gw * wide).mean(1, true)))).to(x.scalar_type());
}

}  // namespace aunet
