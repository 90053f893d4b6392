#include "nn/kernels/cuda_common.cuh"
#include "nn/kernels/cuda_kernels.h"

namespace aunet {

namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void forward(int64_t d, const T* x, const float* w, float eps, T* y, float* rstd) {
  const T* row = x + blockIdx.x * d;
  float squares = 0;
  for (int64_t j = threadIdx.x; j < d; j += kThreads) {
    const float v = to_float(row[j]);
    squares += v * v;
  }
  const float r = rsqrtf(block_sum(squares) / static_cast<float>(d) + eps);
  if (threadIdx.x == 0) rstd[blockIdx.x] = r;
  for (int64_t j = threadIdx.x; j < d; j += kThreads)
    put(y + blockIdx.x * d + j, to_float(row[j]) * r * w[j]);
}

/// A block walks over rows blockIdx.x, + gridDim.x, ...; each thread owns the same columns of d_w in all of
/// them.
template <class T>
__global__ void backward(int64_t rows, int64_t d, const T* dy, const T* x, const float* w, const float* rstd,
                         T* dx, float* d_w_parts) {
  float* part = d_w_parts + blockIdx.x * d;
  for (int64_t j = threadIdx.x; j < d; j += kThreads) part[j] = 0;
  for (int64_t i = blockIdx.x; i < rows; i += gridDim.x) {
    const T *row = x + i * d, *g = dy + i * d;
    const float r = rstd[i];
    float projection = 0;
    for (int64_t j = threadIdx.x; j < d; j += kThreads)
      projection += to_float(g[j]) * w[j] * to_float(row[j]);
    const float c = r * r * block_sum(projection) / static_cast<float>(d);
    for (int64_t j = threadIdx.x; j < d; j += kThreads) {
      const float gradient = to_float(g[j]), value = to_float(row[j]);
      part[j] += gradient * value * r;
      put(dx + i * d + j, r * (gradient * w[j] - value * c));
    }
  }
}

template <class T>
void launch_forward(int64_t rows, int64_t d, const void* x, const float* w, float eps, void* y, float* rstd,
                    void* stream) {
  forward<T><<<static_cast<unsigned>(rows), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
      d, static_cast<const T*>(x), w, eps, static_cast<T*>(y), rstd);
}
template <class T>
void launch_backward(int64_t rows, int64_t d, const void* dy, const void* x, const float* w,
                     const float* rstd, void* dx, float* d_w_parts, void* stream) {
  backward<T>
      <<<static_cast<unsigned>(rms_norm_parts(rows)), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
          rows, d, static_cast<const T*>(dy), static_cast<const T*>(x), w, rstd, static_cast<T*>(dx),
          d_w_parts);
}

}  // namespace

int64_t rms_norm_parts(int64_t rows) {
  return rows < 512 ? rows : 512;
}  // about four blocks on each of 132 SMs

void rms_norm_cuda(CudaType type, int64_t rows, int64_t d, const void* x, const float* w, float eps, void* y,
                   float* rstd, void* stream) {
  if (rows == 0) return;
  (type == CudaType::Float ? launch_forward<float> : launch_forward<__nv_bfloat16>)(rows, d, x, w, eps, y,
                                                                                    rstd, stream);
  check_launch("rms_norm");
}

void rms_norm_backward_cuda(CudaType type, int64_t rows, int64_t d, const void* dy, const void* x,
                            const float* w, const float* rstd, void* dx, float* d_w_parts, void* stream) {
  if (rows == 0) return;
  (type == CudaType::Float ? launch_backward<float> : launch_backward<__nv_bfloat16>)(rows, d, dy, x, w, rstd,
                                                                                      dx, d_w_parts, stream);
  check_launch("rms_norm_backward");
}

}  // namespace aunet
