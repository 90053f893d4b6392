#include "nn/kernels/attention.h"

#include "nn/kernels/composed.h"
#include "nn/kernels/cpu/team.h"

#include <ATen/ATen.h>

#include <cmath>

namespace aunet {

namespace {

/// One row's heads over the cached rows of its sequence, the newest of which is its own.
template <class T>
void attend(const AttentionShape& s, const T* query, const T* cache, int64_t n_cached, T* out, T* scratch) {
  const int64_t group = s.heads / s.kv_heads;
  for (int64_t h = 0; h < s.heads; ++h) {
    AttentionHead<T> head;
    head.query = query + h * s.head_dim;
    head.key = cache + h / group * s.head_dim;
    head.value = head.key + s.kv_heads * s.head_dim;
    head.stride = 2 * s.kv_heads * s.head_dim;
    head.out = out + h * s.head_dim;
    head.rows = n_cached, head.head_dim = s.head_dim;
    head.window = s.window > 0 ? s.window : n_cached;
    row_kernels<T>().attention(head, n_cached - 1, scratch);
  }
}

template <class T>
at::Tensor step_cpu(const at::Tensor& x, const AttentionTensors& w, const AttentionShape& s, double eps,
                    const CachedRows& at, at::Tensor& cache) {
  const RowKernels<T>& kernels = row_kernels<T>();
  const int64_t rows = x.size(0), d = x.size(1), q = s.heads * s.head_dim, kv = 2 * s.kv_heads * s.head_dim;
  at::Tensor y = x.clone();
  PackedWeights<T> packed(rows > kFewRows);
  const int64_t in = packed.add(w.wqkv.const_data_ptr<T>(), q + kv, d, true);
  const int64_t back = packed.add(w.wo.const_data_ptr<T>(), d, q, true);
  packed.run(1);
  T* normed = thread_scratch<T>(rows * (d + q + kv + q + 1) + kernels.attention_scratch(s.head_dim));
  T *qkv = normed + rows * d, *out = qkv + rows * (q + kv), *rstd = out + rows * q, *scratch = rstd + rows;
  kernels.rms_norm(rows, d, x.const_data_ptr<T>(), nullptr, w.norm.const_data_ptr<T>(), static_cast<T>(eps),
                   normed, rstd);
  packed.product(in, rows, normed, d, qkv, q + kv, false);
  const int32_t* positions = s.positions.const_data_ptr<int32_t>();
  const T* table = s.rotary.const_data_ptr<T>();
  const T scale = static_cast<T>(1.0 / std::sqrt(static_cast<double>(s.head_dim)));
  kernels.rotate(rows, s.heads, s.head_dim, qkv, q + kv, positions, table, 1, scale);
  kernels.rotate(rows, s.kv_heads, s.head_dim, qkv + q, q + kv, positions, table, 1, 1);
  for (int64_t i = 0; i < rows; ++i) {
    T* own = cache.mutable_data_ptr<T>() + at.sequence[static_cast<size_t>(i)] * cache.stride(0);
    const int64_t filled = at.filled[static_cast<size_t>(i)];
    std::memcpy(own + filled * kv, qkv + i * (q + kv) + q, static_cast<size_t>(kv) * sizeof(T));
    attend(s, qkv + i * (q + kv), own, filled + 1, out + i * q, scratch);
  }
  packed.product(back, rows, out, q, y.mutable_data_ptr<T>(), d, true);
  return y;
}

}  // namespace

at::Tensor attention_step(const at::Tensor& x, const AttentionTensors& w, const AttentionShape& shape,
                          double eps, const CachedRows& rows, at::Tensor& cache) {
  const int64_t kv = 2 * shape.kv_heads * shape.head_dim;
  TORCH_CHECK(x.is_contiguous() && cache.is_contiguous() && cache.dim() == 3 && cache.size(2) == kv &&
                  static_cast<int64_t>(rows.sequence.size()) == x.size(0) &&
                  rows.filled.size() == rows.sequence.size(),
              "attention_step: x ", x.sizes(), ", cache ", cache.sizes(), ", rows ", rows.sequence.size());
  for (const int64_t filled : rows.filled)
    TORCH_CHECK(filled < cache.size(1), "attention_step: row ", filled, " of a cache of ", cache.size(1));
  if (!has_simd_kernel(x)) return attention_step_composed(x, w, shape, eps, rows, cache);
  return x.scalar_type() == at::kDouble ? step_cpu<double>(x, w, shape, eps, rows, cache)
                                        : step_cpu<float>(x, w, shape, eps, rows, cache);
}

}  // namespace aunet
