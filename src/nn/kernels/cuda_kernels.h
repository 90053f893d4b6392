// Raw-pointer entry points of the .cu files: no ATen there, no CUDA types here. Every pointer is device
// memory and `stream` a cudaStream_t. Present only when the tree was built with nvcc (AUNET_WITH_CUDA).
#pragma once

#include <cstdint>

namespace aunet {

enum class CudaType { Float, BFloat16 };

/// Blocks that rms_norm_backward_cuda runs: rows of its d_w_parts.
int64_t rms_norm_parts(int64_t rows);

void rms_norm_cuda(CudaType type, int64_t rows, int64_t d, const void* x, const float* w, float eps, void* y,
                   float* rstd, void* stream);
/// d_w_parts [rms_norm_parts(rows), d]: the caller sums over its rows, in order, so that results do not
/// depend on timing.
void rms_norm_backward_cuda(CudaType type, int64_t rows, int64_t d, const void* dy, const void* x,
                            const float* w, const float* rstd, void* dx, float* d_w_parts, void* stream);

void swiglu_cuda(CudaType type, int64_t rows, int64_t f, const void* gates, void* h, void* stream);
void swiglu_backward_cuda(CudaType type, int64_t rows, int64_t f, const void* gates, const void* dh,
                          void* d_gates, void* stream);

}  // namespace aunet
