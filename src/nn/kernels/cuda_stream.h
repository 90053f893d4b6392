// The current CUDA stream and the types our own kernels take, for the .cpp side. Only with AUNET_WITH_CUDA.
#pragma once

#include "nn/kernels/cuda_kernels.h"

#include <ATen/core/Tensor.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace aunet {

/// True when our own CUDA kernels take this tensor.
inline bool has_cuda_kernel(const at::Tensor& t) {
#ifdef AUNET_WITH_CUDA
  return t.is_cuda() && (t.scalar_type() == at::kFloat || t.scalar_type() == at::kBFloat16);
#else
  (void)t;
  return false;
#endif
}
inline CudaType cuda_type(const at::Tensor& t) {
  return t.scalar_type() == at::kFloat ? CudaType::Float : CudaType::BFloat16;
}
/// cudaStream_t of the current stream, asked through torch's device registry: no CUDA header needed.
inline void* current_stream(const at::Tensor& t) {
  const c10::impl::VirtualGuardImpl guard(t.device().type());
  return guard.getStreamNativeHandle(guard.getStream(t.device()));
}

}  // namespace aunet
