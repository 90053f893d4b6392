#include "nn/kernels/attention.h"

#include "nn/kernels/composed.h"
#include "nn/kernels/cpu/team.h"

#include <ATen/ATen.h>

#include <cmath>

namespace aunet {

namespace {

/// Widths in the fused QKV row.
struct Widths {
  int64_t d, head, q, k, qkv;
  Widths(int64_t dim, const AttentionShape& s)
      : d(dim), head(s.head_dim), q(s.heads * s.head_dim), k(s.kv_heads * s.head_dim), qkv(q + 2 * k) {}
};

/// A block of queries of one sequence.
struct QueryBlock {
  int32_t first_row, rows, first_query;
};
std::vector<QueryBlock> query_blocks(const std::vector<int32_t>& cu_rows) {
  std::vector<QueryBlock> blocks;
  for (size_t s = 0; s + 1 < cu_rows.size(); ++s) {
    const int32_t rows = cu_rows[s + 1] - cu_rows[s];
    for (int32_t i = 0; i < rows; i += kQueryBlock) blocks.push_back({cu_rows[s], rows, i});
  }
  return blocks;
}

template <class T>
AttentionHead<T> head_of(const T* qkv, T* out, T* lse, const Widths& w, const AttentionShape& s,
                         int64_t n_rows, int64_t first_row, int64_t rows, int64_t head) {
  const int64_t group = s.heads / s.kv_heads;
  const T* row = qkv + first_row * w.qkv;
  AttentionHead<T> h;
  h.query = row + head * w.head;
  h.key = row + w.q + head / group * w.head;
  h.value = h.key + w.k;
  h.stride = h.query_stride = w.qkv;
  h.out = out + first_row * w.q + head * w.head;
  h.out_stride = w.q;
  h.lse = lse + head * n_rows + first_row;
  h.rows = rows, h.head_dim = w.head, h.window = s.window;
  return h;
}

double attention_flops(int64_t n_rows, const Widths& w, int64_t window) {
  return static_cast<double>(n_rows) * (2.0 * static_cast<double>(w.d * (w.qkv + w.q)) +
                                        4.0 * static_cast<double>(w.q * std::min<int64_t>(window, 256)));
}

template <class T>
at::Tensor forward_cpu(const at::Tensor& x, const AttentionTensors& w, const AttentionShape& shape,
                       double eps, AttentionSaved* saved) {
  const RowKernels<T>& kernels = row_kernels<T>();
  const int64_t n_rows = x.size(0);
  const Widths width(x.size(1), shape);
  const RowShares shares(n_rows, attention_flops(n_rows, width, shape.window));
  at::Tensor y = at::empty_like(x), rstd = at::empty({n_rows}, x.options());
  at::Tensor qkv = at::empty({n_rows, width.qkv}, x.options()),
             out = at::empty({n_rows, width.q}, x.options());
  at::Tensor lse = at::empty({shape.heads, n_rows}, x.options());
  PackedWeights<T> packed;
  const int64_t in = packed.add(w.wqkv.const_data_ptr<T>(), width.qkv, width.d, true);
  const int64_t back = packed.add(w.wo.const_data_ptr<T>(), width.d, width.q, true);
  packed.run(shares.team);

  const T *px = x.const_data_ptr<T>(), *norm = w.norm.const_data_ptr<T>(),
          *table = shape.rotary.const_data_ptr<T>();
  const int32_t* positions = shape.positions.const_data_ptr<int32_t>();
  T *pq = qkv.mutable_data_ptr<T>(), *po = out.mutable_data_ptr<T>(), *pl = lse.mutable_data_ptr<T>();
  T *pr = rstd.mutable_data_ptr<T>(), *py = y.mutable_data_ptr<T>();
  const T scale = static_cast<T>(1.0 / std::sqrt(static_cast<double>(width.head)));
  run_team(shares.team, [&](int64_t t) {
    T* normed = thread_scratch<T>(kRowBlock * width.d);
    over_row_blocks(shares, t, [&](int64_t i, int64_t rows) {
      T* row = pq + i * width.qkv;
      kernels.rms_norm(rows, width.d, px + i * width.d, nullptr, norm, static_cast<T>(eps), normed, pr + i);
      kernels.gemm(rows, width.qkv, width.d, normed, width.d, packed[in], row, width.qkv, false);
      kernels.rotate(rows, shape.heads, width.head, row, width.qkv, positions + i, table, 1, scale);
      kernels.rotate(rows, shape.kv_heads, width.head, row + width.q, width.qkv, positions + i, table, 1, 1);
    });
  });
  const std::vector<QueryBlock> blocks = query_blocks(*shape.cu_rows);
  run_team(shares.team, [&](int64_t t) {
    T* scratch = thread_scratch<T>(kernels.attention_scratch(width.head));
    for (size_t b = static_cast<size_t>(t); b < blocks.size(); b += static_cast<size_t>(shares.team)) {
      const QueryBlock& block = blocks[b];
      for (int64_t h = 0; h < shape.heads; ++h)
        kernels.attention(head_of(pq, po, pl, width, shape, n_rows, block.first_row, block.rows, h),
                          block.first_query, scratch);
      const int64_t i = block.first_row + block.first_query;
      const int64_t rows = std::min<int64_t>(kQueryBlock, block.rows - block.first_query);
      std::memcpy(py + i * width.d, px + i * width.d, static_cast<size_t>(rows * width.d) * sizeof(T));
      kernels.gemm(rows, width.d, width.q, po + i * width.q, width.q, packed[back], py + i * width.d, width.d,
                   true);
    }
  });
  if (saved) *saved = {x, rstd, qkv, out, lse, {}, {}};
  return y;
}

/// d_out = dy Wo and its dot products with out; adds Wo's gradient.
template <class T>
void output_backward(const at::Tensor& dy, const AttentionSaved& saved, const AttentionTensors& w,
                     const RowShares& shares, const Widths& width, const AttentionTensors& grads,
                     at::Tensor& d_out, at::Tensor& delta) {
  const RowKernels<T>& kernels = row_kernels<T>();
  PackedWeights<T> packed;
  packed.add(w.wo.const_data_ptr<T>(), width.d, width.q, false);
  packed.run(shares.team);
  TeamSums<T> sums(shares.team, {grads.wo});
  const T *pdy = dy.const_data_ptr<T>(), *po = saved.out.const_data_ptr<T>();
  T *pdo = d_out.mutable_data_ptr<T>(), *pd = delta.mutable_data_ptr<T>();
  run_team(shares.team, [&](int64_t t) {
    over_row_blocks(shares, t, [&](int64_t i, int64_t rows) {
      T* d_row = pdo + i * width.q;
      kernels.gemm(rows, width.q, width.d, pdy + i * width.d, width.d, packed[0], d_row, width.q, false);
      kernels.gemm_tn(width.d, width.q, rows, pdy + i * width.d, width.d, po + i * width.q, width.q,
                      sums.part(t, 0), width.q, t == 0 || i > shares.first(t));
      for (int64_t h = 0; h < delta.size(0); ++h)
        kernels.row_dot(rows, width.head, d_row + h * width.head, width.q, po + i * width.q + h * width.head,
                        width.q, pd + h * delta.size(1) + i, 1);
    });
  });
  sums.reduce();
}

/// d_qkv of all heads. Members take whole (sequence, key head) pairs: the sums over queries need no lock and
/// no order.
template <class T>
void heads_backward(const at::Tensor& d_out, const at::Tensor& delta, const AttentionSaved& saved,
                    const AttentionShape& shape, const Widths& width, int64_t team, at::Tensor& d_qkv) {
  const RowKernels<T>& kernels = row_kernels<T>();
  const int64_t n_rows = d_qkv.size(0), group = shape.heads / shape.kv_heads;
  const std::vector<int32_t>& cu = *shape.cu_rows;
  const int64_t units = static_cast<int64_t>(cu.size() - 1) * shape.kv_heads;
  T *po = const_cast<T*>(saved.out.const_data_ptr<T>()), *pl = const_cast<T*>(saved.lse.const_data_ptr<T>());
  T* base = d_qkv.mutable_data_ptr<T>();
  run_team(team, [&](int64_t t) {
    T* scratch = thread_scratch<T>(kernels.attention_scratch(width.head));
    for (int64_t u = t; u < units; u += team) {
      const int64_t kv = u % shape.kv_heads, first = cu[static_cast<size_t>(u / shape.kv_heads)];
      const int64_t rows = cu[static_cast<size_t>(u / shape.kv_heads) + 1] - first;
      T* d_row = base + first * width.qkv;
      for (int64_t i = 0; i < rows; ++i)
        for (const int64_t at : {width.q + kv * width.head, width.q + width.k + kv * width.head})
          std::memset(d_row + i * width.qkv + at, 0, static_cast<size_t>(width.head) * sizeof(T));
      for (int64_t h = kv * group; h < (kv + 1) * group; ++h) {
        const AttentionHead<T> head =
            head_of<T>(saved.qkv.const_data_ptr<T>(), po, pl, width, shape, n_rows, first, rows, h);
        AttentionHeadGrad<T> grad;
        grad.d_out = d_out.const_data_ptr<T>() + first * width.q + h * width.head;
        grad.delta = delta.const_data_ptr<T>() + h * n_rows + first;
        grad.d_query = d_row + h * width.head;
        grad.d_key = d_row + width.q + kv * width.head;
        grad.d_value = grad.d_key + width.k;
        for (int64_t i = 0; i < rows; i += kQueryBlock) kernels.attention_backward(head, grad, i, scratch);
      }
    }
  });
}

template <class T>
at::Tensor backward_cpu(const at::Tensor& dy, const AttentionSaved& saved, const AttentionTensors& w,
                        const AttentionShape& shape, const AttentionTensors& grads) {
  const RowKernels<T>& kernels = row_kernels<T>();
  const int64_t n_rows = dy.size(0);
  const Widths width(dy.size(1), shape);
  const RowShares shares(n_rows, 2 * attention_flops(n_rows, width, shape.window));
  at::Tensor d_out = at::empty({n_rows, width.q}, dy.options()),
             delta = at::empty({shape.heads, n_rows}, dy.options());
  output_backward<T>(dy, saved, w, shares, width, grads, d_out, delta);
  at::Tensor d_qkv = at::empty({n_rows, width.qkv}, dy.options());
  heads_backward<T>(d_out, delta, saved, shape, width, shares.team, d_qkv);

  at::Tensor dx = reuse_or_empty(dy);
  PackedWeights<T> packed;
  packed.add(w.wqkv.const_data_ptr<T>(), width.qkv, width.d, false);
  packed.run(shares.team);
  TeamSums<T> sums(shares.team, {grads.norm, grads.wqkv});
  const T *pdy = dy.const_data_ptr<T>(), *px = saved.x.const_data_ptr<T>(),
          *pr = saved.rstd.const_data_ptr<T>();
  const T *norm = w.norm.const_data_ptr<T>(), *table = shape.rotary.const_data_ptr<T>();
  const int32_t* positions = shape.positions.const_data_ptr<int32_t>();
  T *pdq = d_qkv.mutable_data_ptr<T>(), *pdx = dx.mutable_data_ptr<T>();
  const T scale = static_cast<T>(1.0 / std::sqrt(static_cast<double>(width.head)));
  run_team(shares.team, [&](int64_t t) {
    T* normed = thread_scratch<T>(2 * kRowBlock * width.d);
    T* d_normed = normed + kRowBlock * width.d;
    sums.clear(t, 0);
    over_row_blocks(shares, t, [&](int64_t i, int64_t rows) {
      T* d_row = pdq + i * width.qkv;
      const T* row = px + i * width.d;
      kernels.rotate(rows, shape.heads, width.head, d_row, width.qkv, positions + i, table, -1, scale);
      kernels.rotate(rows, shape.kv_heads, width.head, d_row + width.q, width.qkv, positions + i, table, -1,
                     1);
      kernels.rms_apply(rows, width.d, row, nullptr, norm, pr + i, normed);
      kernels.gemm_tn(width.qkv, width.d, rows, d_row, width.qkv, normed, width.d, sums.part(t, 1), width.d,
                      t == 0 || i > shares.first(t));
      kernels.gemm(rows, width.d, width.qkv, d_row, width.qkv, packed[0], d_normed, width.d, false);
      kernels.rms_norm_backward(rows, width.d, d_normed, row, nullptr, norm, pr + i, pdy + i * width.d,
                                pdx + i * width.d, sums.part(t, 0));
    });
  });
  sums.reduce();
  return dx;
}

}  // namespace

at::Tensor attention(const at::Tensor& x, const AttentionTensors& w, const AttentionShape& shape, double eps,
                     AttentionSaved* saved) {
  const Widths width(x.size(1), shape);
  TORCH_CHECK(x.is_contiguous() && w.wqkv.size(0) == width.qkv && w.wqkv.size(1) == width.d &&
                  w.wo.size(1) == width.q && shape.cu_rows->back() == x.size(0) &&
                  shape.heads % shape.kv_heads == 0,
              "attention: x ", x.sizes(), ", wqkv ", w.wqkv.sizes(), ", wo ", w.wo.sizes(), ", rows ",
              shape.cu_rows->back());
  if (!has_simd_kernel(x)) return attention_composed(x, w, shape, eps, saved);
  return x.scalar_type() == at::kDouble ? forward_cpu<double>(x, w, shape, eps, saved)
                                        : forward_cpu<float>(x, w, shape, eps, saved);
}

at::Tensor attention_backward(at::Tensor dy, const AttentionSaved& saved, const AttentionTensors& w,
                              const AttentionShape& shape, const AttentionTensors& grads) {
  if (!has_simd_kernel(dy)) return attention_backward_composed(dy, saved, w, shape, grads);
  return dy.scalar_type() == at::kDouble ? backward_cpu<double>(dy.contiguous(), saved, w, shape, grads)
                                         : backward_cpu<float>(dy.contiguous(), saved, w, shape, grads);
}

}  // namespace aunet
