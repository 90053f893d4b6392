#include "nn/kernels/cuda_common.cuh"
#include "nn/kernels/cuda_kernels.h"

namespace aunet {

namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void forward(int64_t f, const T* gates, T* h) {
  const T* row = gates + blockIdx.x * 2 * f;
  for (int64_t j = threadIdx.x; j < f; j += kThreads) {
    const float a = to_float(row[j]);
    put(h + blockIdx.x * f + j, a / (1 + expf(-a)) * to_float(row[f + j]));
  }
}

template <class T>
__global__ void backward(int64_t f, const T* gates, const T* dh, T* d_gates) {
  const T* row = gates + blockIdx.x * 2 * f;
  T* d_row = d_gates + blockIdx.x * 2 * f;
  for (int64_t j = threadIdx.x; j < f; j += kThreads) {
    const float a = to_float(row[j]), b = to_float(row[f + j]), g = to_float(dh[blockIdx.x * f + j]);
    const float sigmoid = 1 / (1 + expf(-a)), silu = a * sigmoid;
    put(d_row + j, g * b * (sigmoid + silu * (1 - sigmoid)));
    put(d_row + f + j, g * silu);
  }
}

template <class T>
void launch_forward(int64_t rows, int64_t f, const void* gates, void* h, void* stream) {
  forward<T><<<static_cast<unsigned>(rows), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
      f, static_cast<const T*>(gates), static_cast<T*>(h));
}
template <class T>
void launch_backward(int64_t rows, int64_t f, const void* gates, const void* dh, void* d_gates,
                     void* stream) {
  backward<T><<<static_cast<unsigned>(rows), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
      f, static_cast<const T*>(gates), static_cast<const T*>(dh), static_cast<T*>(d_gates));
}

}  // namespace

void swiglu_cuda(CudaType type, int64_t rows, int64_t f, const void* gates, void* h, void* stream) {
  if (rows == 0) return;
  (type == CudaType::Float ? launch_forward<float> : launch_forward<__nv_bfloat16>)(rows, f, gates, h,
                                                                                    stream);
  check_launch("swiglu");
}

void swiglu_backward_cuda(CudaType type, int64_t rows, int64_t f, const void* gates, const void* dh,
                          void* d_gates, void* stream) {
  if (rows == 0) return;
  (type == CudaType::Float ? launch_backward<float> : launch_backward<__nv_bfloat16>)(rows, f, gates, dh,
                                                                                      d_gates, stream);
  check_launch("swiglu_backward");
}

}  // namespace aunet
