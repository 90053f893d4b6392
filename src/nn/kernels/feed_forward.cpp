#include "nn/kernels/feed_forward.h"

#include "nn/kernels/composed.h"
#include "nn/kernels/cpu/team.h"

#include <ATen/ATen.h>

namespace aunet {

namespace {

template <class T>
at::Tensor forward_cpu(const at::Tensor& x, const FeedForwardTensors& w, double eps,
                       FeedForwardSaved* saved) {
  const RowKernels<T>& kernels = row_kernels<T>();
  const int64_t n_rows = x.size(0), d = x.size(1), f = w.w2.size(1);
  const RowShares shares(n_rows, 6.0 * static_cast<double>(n_rows * d * f));
  at::Tensor y = at::empty_like(x), rstd = at::empty({n_rows}, x.options());
  at::Tensor gates = saved ? at::empty({n_rows, 2 * f}, x.options()) : at::Tensor();
  PackedWeights<T> packed(saved || n_rows > kFewRows);
  const int64_t up = packed.add(w.w13.const_data_ptr<T>(), 2 * f, d, true);
  const int64_t down = packed.add(w.w2.const_data_ptr<T>(), d, f, true);
  packed.run(shares.team);
  const T *px = x.const_data_ptr<T>(), *norm = w.norm.const_data_ptr<T>();
  T *py = y.mutable_data_ptr<T>(), *pr = rstd.mutable_data_ptr<T>();
  T* pg = saved ? gates.mutable_data_ptr<T>() : nullptr;
  run_team(shares.team, [&](int64_t t) {
    T* normed = thread_scratch<T>(kRowBlock * (d + 3 * f));
    T* hidden = normed + kRowBlock * d;
    over_row_blocks(shares, t, [&](int64_t i, int64_t rows) {
      T* block_gates = pg ? pg + i * 2 * f : hidden + kRowBlock * f;
      kernels.rms_norm(rows, d, px + i * d, nullptr, norm, static_cast<T>(eps), normed, pr + i);
      packed.product(up, rows, normed, d, block_gates, 2 * f, false);
      kernels.swiglu(rows, f, block_gates, hidden);
      std::memcpy(py + i * d, px + i * d, static_cast<size_t>(rows * d) * sizeof(T));
      packed.product(down, rows, hidden, f, py + i * d, d, true);
    });
  });
  if (saved) *saved = {x, rstd, gates};
  return y;
}

template <class T>
at::Tensor backward_cpu(const at::Tensor& dy, const FeedForwardSaved& saved, const FeedForwardTensors& w,
                        const FeedForwardTensors& grads) {
  const RowKernels<T>& kernels = row_kernels<T>();
  const int64_t n_rows = dy.size(0), d = dy.size(1), f = w.w2.size(1);
  const RowShares shares(n_rows, 12.0 * static_cast<double>(n_rows * d * f));
  at::Tensor dx = reuse_or_empty(dy);
  PackedWeights<T> packed;
  const int64_t up = packed.add(w.w13.const_data_ptr<T>(), 2 * f, d, false);
  const int64_t down = packed.add(w.w2.const_data_ptr<T>(), d, f, false);
  packed.run(shares.team);
  TeamSums<T> sums(shares.team, {grads.norm, grads.w13, grads.w2});
  const T *pdy = dy.const_data_ptr<T>(), *px = saved.x.const_data_ptr<T>(),
          *pr = saved.rstd.const_data_ptr<T>();
  const T *pg = saved.gates.const_data_ptr<T>(), *norm = w.norm.const_data_ptr<T>();
  T* pdx = dx.mutable_data_ptr<T>();
  run_team(shares.team, [&](int64_t t) {
    T* normed = thread_scratch<T>(kRowBlock * (2 * d + 4 * f));
    T* d_normed = normed + kRowBlock * d;
    T* hidden = d_normed + kRowBlock * d;
    T* d_hidden = hidden + kRowBlock * f;
    T* d_gates = d_hidden + kRowBlock * f;
    sums.clear(t, 0);
    over_row_blocks(shares, t, [&](int64_t i, int64_t rows) {
      const bool add = t == 0 || i > shares.first(t);
      kernels.gemm(rows, f, d, pdy + i * d, d, packed[down], d_hidden, f, false);
      kernels.swiglu_backward(rows, f, pg + i * 2 * f, d_hidden, hidden, d_gates);
      kernels.gemm_tn(d, f, rows, pdy + i * d, d, hidden, f, sums.part(t, 2), f, add);
      kernels.gemm(rows, d, 2 * f, d_gates, 2 * f, packed[up], d_normed, d, false);
      kernels.rms_apply(rows, d, px + i * d, nullptr, norm, pr + i, normed);
      kernels.gemm_tn(2 * f, d, rows, d_gates, 2 * f, normed, d, sums.part(t, 1), d, add);
      kernels.rms_norm_backward(rows, d, d_normed, px + i * d, nullptr, norm, pr + i, pdy + i * d,
                                pdx + i * d, sums.part(t, 0));
    });
  });
  sums.reduce();
  return dx;
}

}  // namespace

at::Tensor feed_forward(const at::Tensor& x, const FeedForwardTensors& w, double eps,
                        FeedForwardSaved* saved) {
  TORCH_CHECK(
      x.dim() == 2 && x.is_contiguous() && w.w13.size(1) == x.size(1) && w.w13.size(0) == 2 * w.w2.size(1),
      "feed_forward: x ", x.sizes(), ", w13 ", w.w13.sizes(), ", w2 ", w.w2.sizes());
  if (!has_simd_kernel(x)) return feed_forward_composed(x, w, eps, saved);
  return x.scalar_type() == at::kDouble ? forward_cpu<double>(x, w, eps, saved)
                                        : forward_cpu<float>(x, w, eps, saved);
}

at::Tensor feed_forward_backward(at::Tensor dy, const FeedForwardSaved& saved, const FeedForwardTensors& w,
                                 const FeedForwardTensors& grads) {
  if (!has_simd_kernel(dy)) return feed_forward_backward_composed(dy, saved, w, grads);
  return dy.scalar_type() == at::kDouble ? backward_cpu<double>(dy.contiguous(), saved, w, grads)
                                         : backward_cpu<float>(dy.contiguous(), saved, w, grads);
}

}  // namespace aunet
