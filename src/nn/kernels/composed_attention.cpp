#include "nn/kernels/composed.h"
#include "nn/kernels/composed_linear.h"
#include "nn/kernels/rms_norm.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace aunet {

namespace {

int64_t longest(const std::vector<int32_t>& cu) {
  int32_t rows = 0;
  for (size_t i = 0; i + 1 < cu.size(); ++i) rows = std::max(rows, cu[i + 1] - cu[i]);
  return rows;
}

double scale_of(const AttentionShape& s) { return 1 / std::sqrt(static_cast<double>(s.head_dim)); }

/// x [R, heads, D] with adjacent pairs rotated by the table's angles; direction -1 undoes it.
at::Tensor rotated(const at::Tensor& x, const AttentionShape& s, double direction) {
  const at::Tensor angles = s.rotary.index_select(0, s.positions);  // [R, 2, D]
  const at::Tensor cosine = angles.select(1, 0).unsqueeze(1), sine = angles.select(1, 1).unsqueeze(1);
  const at::Tensor swapped = x.unflatten(2, {s.head_dim / 2, 2}).flip({3}).flatten(2);
  return x * cosine + swapped * sine * direction;
}

/// Views [R, heads, D] of the fused row.
struct Heads {
  at::Tensor q, k, v;
  Heads(const at::Tensor& qkv, const AttentionShape& s) {
    const int64_t d = s.head_dim, rows = qkv.size(0);
    const at::Tensor all = qkv.view({rows, s.heads + 2 * s.kv_heads, d});
    q = all.narrow(1, 0, s.heads), k = all.narrow(1, s.heads, s.kv_heads),
    v = all.narrow(1, s.heads + s.kv_heads, s.kv_heads);
  }
};

bool use_flash(const at::Tensor& x) { return x.is_cuda() && x.scalar_type() == at::kBFloat16; }

/// One sequence with heads first [H, n, D], keys repeated to the queries' heads, and its unseen pairs.
struct Dense {
  at::Tensor q, k, v, hidden;
  Dense(const Heads& heads, const AttentionShape& s, int64_t first, int64_t n) {
    const auto of = [&](const at::Tensor& t) { return t.narrow(0, first, n).transpose(0, 1); };
    const int64_t group = s.heads / s.kv_heads;
    q = of(heads.q), k = of(heads.k).repeat_interleave(group, 0), v = of(heads.v).repeat_interleave(group, 0);
    const at::Tensor i = at::arange(n, q.options().dtype(at::kLong));
    const at::Tensor gap = i.unsqueeze(1) - i.unsqueeze(0);
    hidden = (gap < 0).logical_or(gap >= s.window);
  }
  at::Tensor scores(double scale) const {
    return (at::matmul(q, k.transpose(1, 2)) * scale).masked_fill(hidden, -1e30);
  }
};

void dense_forward(const Heads& heads, const AttentionShape& s, at::Tensor& out, at::Tensor& lse) {
  for (size_t b = 0; b + 1 < s.cu_rows->size(); ++b) {
    const int64_t first = (*s.cu_rows)[b], n = (*s.cu_rows)[b + 1] - first;
    const Dense dense(heads, s, first, n);
    const at::Tensor scores = dense.scores(scale_of(s));
    const at::Tensor sums = at::logsumexp(scores, {2});
    lse.narrow(1, first, n).copy_(sums);
    out.narrow(0, first, n).copy_(at::matmul((scores - sums.unsqueeze(2)).exp(), dense.v).transpose(0, 1));
  }
}

/// Into views of d_qkv.
void dense_backward(const Heads& heads, const AttentionShape& s, const at::Tensor& out, const at::Tensor& lse,
                    const at::Tensor& d_out, Heads& d) {
  const int64_t group = s.heads / s.kv_heads;
  for (size_t b = 0; b + 1 < s.cu_rows->size(); ++b) {
    const int64_t first = (*s.cu_rows)[b], n = (*s.cu_rows)[b + 1] - first;
    const Dense dense(heads, s, first, n);
    const at::Tensor p =
        (dense.scores(scale_of(s)) - lse.narrow(1, first, n).unsqueeze(2).to(dense.q.scalar_type())).exp();
    const at::Tensor o = out.narrow(0, first, n).transpose(0, 1),
                     g = d_out.narrow(0, first, n).transpose(0, 1);
    const at::Tensor ds = p * (at::matmul(g, dense.v.transpose(1, 2)) - (g * o).sum(2, true)) * scale_of(s);
    const auto of_group = [&](const at::Tensor& t) {
      return t.unflatten(0, {s.kv_heads, group}).sum(1).transpose(0, 1);
    };
    d.q.narrow(0, first, n).copy_(at::matmul(ds, dense.k).transpose(0, 1));
    d.k.narrow(0, first, n).copy_(of_group(at::matmul(ds.transpose(1, 2), dense.q)));
    d.v.narrow(0, first, n).copy_(of_group(at::matmul(p.transpose(1, 2), g)));
  }
}

}  // namespace

at::Tensor attention_composed(const at::Tensor& x, const AttentionTensors& w, const AttentionShape& s,
                              double eps, AttentionSaved* saved) {
  at::Tensor rstd;
  const at::Tensor qkv = times_transposed(rms_norm(x, w.norm, eps, rstd), w.wqkv);
  const Heads heads(qkv, s);
  heads.q.copy_(rotated(heads.q, s, 1));
  heads.k.copy_(rotated(heads.k, s, 1));
  at::Tensor out, lse, rng_state, unused;
  if (use_flash(x)) {
    const int64_t n = longest(*s.cu_rows);
    std::tie(out, lse, rng_state, unused, std::ignore) =
        at::_flash_attention_forward(heads.q, heads.k, heads.v, s.cu_rows_device, s.cu_rows_device, n, n, 0.0,
                                     true, false, scale_of(s), s.window - 1, 0);
  } else {
    out = at::empty({x.size(0), s.heads, s.head_dim}, x.options());
    lse = at::empty({s.heads, x.size(0)}, rstd.options());
    dense_forward(heads, s, out, lse);
  }
  const at::Tensor flat = out.reshape({x.size(0), s.heads * s.head_dim});
  if (saved) *saved = {x, rstd, qkv, flat, lse, rng_state, unused};
  return at::addmm(x, flat, as(w.wo, x).t());
}

at::Tensor attention_backward_composed(const at::Tensor& dy, const AttentionSaved& saved,
                                       const AttentionTensors& w, const AttentionShape& s,
                                       const AttentionTensors& grads) {
  add_weight_gradient(grads.wo, dy, saved.out);
  const at::Tensor d_out = at::mm(dy, as(w.wo, dy)).view({dy.size(0), s.heads, s.head_dim});
  const at::Tensor out = saved.out.view({dy.size(0), s.heads, s.head_dim});
  const Heads heads(saved.qkv, s);
  at::Tensor d_qkv = at::empty_like(saved.qkv);
  Heads d(d_qkv, s);
  if (use_flash(dy)) {
    const int64_t n = longest(*s.cu_rows);
    // The window's right end must be said: its default differs between forward and backward.
    const auto [dq, dk, dv] = at::_flash_attention_backward(
        d_out, heads.q, heads.k, heads.v, out, saved.lse, s.cu_rows_device, s.cu_rows_device, n, n, 0.0, true,
        saved.rng_state, saved.unused, scale_of(s), s.window - 1, 0);
    d.q.copy_(dq), d.k.copy_(dk), d.v.copy_(dv);
  } else {
    dense_backward(heads, s, out, saved.lse, d_out, d);
  }
  d.q.copy_(rotated(d.q, s, -1));
  d.k.copy_(rotated(d.k, s, -1));
  add_weight_gradient(grads.wqkv, d_qkv, apply_norm(saved.x, w.norm, saved.rstd));
  return dy + rms_norm_backward(at::mm(d_qkv, as(w.wqkv, dy)), saved.x, w.norm, saved.rstd, grads.norm);
}

namespace {

at::Tensor on_device(const std::vector<int64_t>& values, const at::Tensor& like) {
  return at::tensor(values, at::kLong).to(like.device());
}

}  // namespace

at::Tensor attention_step_composed(const at::Tensor& x, const AttentionTensors& w, const AttentionShape& s,
                                   double eps, const CachedRows& rows, at::Tensor& cache) {
  at::Tensor rstd;
  const at::Tensor qkv = times_transposed(rms_norm(x, w.norm, eps, rstd), w.wqkv);
  const Heads heads(qkv, s);
  heads.k.copy_(rotated(heads.k, s, 1));
  const at::Tensor sequence = on_device(rows.sequence, x), filled = on_device(rows.filled, x);
  const int64_t n = x.size(0), q = s.heads * s.head_dim,
                longest = *std::max_element(rows.filled.begin(), rows.filled.end()) + 1;
  cache.index_put_({sequence, filled}, qkv.narrow(1, q, cache.size(2)));
  // Keys [R, Hkv, D, n]; each row's queries [R, Hkv, group, D].
  const at::Tensor seen = cache.narrow(1, 0, longest).index_select(0, sequence);
  const at::Tensor kv = seen.view({n, longest, 2 * s.kv_heads, s.head_dim}).transpose(1, 2);
  const at::Tensor k = kv.narrow(1, 0, s.kv_heads), v = kv.narrow(1, s.kv_heads, s.kv_heads);
  heads.q.copy_(rotated(heads.q, s, 1));
  const at::Tensor query = heads.q.reshape({n, s.kv_heads, s.heads / s.kv_heads, s.head_dim});
  const at::Tensor gap = filled.unsqueeze(1) - at::arange(longest, filled.options());
  const at::Tensor hidden = s.window > 0 ? (gap < 0).logical_or(gap >= s.window) : gap < 0;
  const at::Tensor scores = (at::matmul(query, k.transpose(2, 3)) * scale_of(s))
                                .masked_fill(hidden.view({n, 1, 1, longest}), -1e30);
  const at::Tensor out = at::matmul(at::softmax(scores, -1), v).reshape({n, q}).to(x.scalar_type());
  return at::addmm(x, out, as(w.wo, x).t());
}

}  // namespace aunet
