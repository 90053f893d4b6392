#include "nn/kernels/head.h"

#include "nn/kernels/composed.h"
#include "nn/kernels/cpu/team.h"

#include <ATen/ATen.h>

namespace aunet {

namespace {

/// Rows whose logits are held at once: at most 2 MB of them, so that they stay in a core's L2.
int64_t rows_at_once(int64_t vocabulary) {
  return std::clamp<int64_t>((int64_t{1} << 19) / vocabulary / 6 * 6, 12, kRowBlock);
}

template <class T>
at::Tensor nats_cpu(const at::Tensor& x, const at::Tensor& targets, const HeadTensors& w, double eps,
                    HeadSaved* saved) {
  const RowKernels<T>& kernels = row_kernels<T>();
  const int64_t n_rows = x.size(0), d = x.size(1), v = w.out.size(0), step = rows_at_once(v);
  const RowShares shares(n_rows, (saved ? 6.0 : 2.0) * static_cast<double>(n_rows * d * v));
  at::Tensor nats = at::empty({n_rows}, x.options());
  PackedWeights<T> packed;
  packed.add(w.out.const_data_ptr<T>(), v, d, true);
  if (saved) packed.add(w.out.const_data_ptr<T>(), v, d, false);
  packed.run(shares.team);
  if (saved) *saved = {at::empty_like(x), at::zeros_like(w.norm), at::zeros_like(w.out)};
  TeamSums<T> sums(saved ? shares.team : 1,
                   saved ? std::vector<at::Tensor>{saved->d_norm, saved->d_out} : std::vector<at::Tensor>{});
  const T *px = x.const_data_ptr<T>(), *norm = w.norm.const_data_ptr<T>();
  const int64_t* pt = targets.const_data_ptr<int64_t>();
  T *pn = nats.mutable_data_ptr<T>(), *pdx = saved ? saved->dx.mutable_data_ptr<T>() : nullptr;
  run_team(shares.team, [&](int64_t t) {
    T* normed = thread_scratch<T>(step * (2 * d + v) + kRowBlock);
    T *d_normed = normed + step * d, *logits = d_normed + step * d, *rstd = logits + step * v;
    if (saved) sums.clear(t, 0);
    for (int64_t i = shares.first(t); i < shares.last(t); i += step) {
      const int64_t rows = std::min(step, shares.last(t) - i);
      kernels.rms_norm(rows, d, px + i * d, nullptr, norm, static_cast<T>(eps), normed, rstd);
      kernels.gemm(rows, v, d, normed, d, packed[0], logits, v, false);
      kernels.cross_entropy(rows, v, logits, pt + i, pn + i, saved != nullptr);
      if (!saved) continue;
      kernels.gemm_tn(v, d, rows, logits, v, normed, d, sums.part(t, 1), d, t == 0 || i > shares.first(t));
      kernels.gemm(rows, d, v, logits, v, packed[1], d_normed, d, false);
      kernels.rms_norm_backward(rows, d, d_normed, px + i * d, nullptr, norm, rstd, nullptr, pdx + i * d,
                                sums.part(t, 0));
    }
  });
  if (saved) sums.reduce();
  return nats;
}

template <class T>
at::Tensor logits_cpu(const at::Tensor& x, const HeadTensors& w, double eps) {
  const RowKernels<T>& kernels = row_kernels<T>();
  const int64_t n_rows = x.size(0), d = x.size(1), v = w.out.size(0);
  const RowShares shares(n_rows, 2.0 * static_cast<double>(n_rows * d * v));
  at::Tensor logits = at::empty({n_rows, v}, x.options());
  PackedWeights<T> packed(n_rows > kFewRows);
  packed.add(w.out.const_data_ptr<T>(), v, d, true);
  packed.run(shares.team);
  const T *px = x.const_data_ptr<T>(), *norm = w.norm.const_data_ptr<T>();
  T* pl = logits.mutable_data_ptr<T>();
  run_team(shares.team, [&](int64_t t) {
    T* normed = thread_scratch<T>(kRowBlock * (d + 1));
    T* rstd = normed + kRowBlock * d;
    over_row_blocks(shares, t, [&](int64_t i, int64_t rows) {
      kernels.rms_norm(rows, d, px + i * d, nullptr, norm, static_cast<T>(eps), normed, rstd);
      packed.product(0, rows, normed, d, pl + i * v, v, false);
    });
  });
  return logits;
}

void check_ids(const at::Tensor& ids, int64_t size, const char* what) {
  const int64_t* p = ids.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < ids.numel(); ++i)
    TORCH_CHECK(p[i] >= 0 && p[i] < size, what, ": row ", i, " has id ", p[i], " of ", size);
}

template <class T>
void embed_backward_cpu(const at::Tensor& dy, const at::Tensor& ids, const at::Tensor& grad) {
  // Members take columns, so that two rows with one id never meet.
  const int64_t d = grad.size(1), n_rows = ids.numel();
  const RowShares shares(d, 40.0 * static_cast<double>(n_rows * d));
  const T* pdy = dy.const_data_ptr<T>();
  const int64_t* pi = ids.const_data_ptr<int64_t>();
  T* pg = grad.mutable_data_ptr<T>();
  run_team(shares.team, [&](int64_t t) {
    const int64_t first = d * t / shares.team, count = d * (t + 1) / shares.team - first;
    for (int64_t i = 0; i < n_rows; ++i)
      row_kernels<T>().add(count, pdy + i * d + first, pg + pi[i] * d + first);
  });
}

}  // namespace

at::Tensor embed(const at::Tensor& table, const at::Tensor& ids) {
  if (ids.is_cpu()) check_ids(ids, table.size(0), "embed");  // on a GPU the look-up itself asserts
  return table.index_select(0, ids);
}

void embed_backward(const at::Tensor& dy, const at::Tensor& ids, const at::Tensor& table_grad) {
  const at::Tensor contiguous = dy.contiguous();
  if (!has_simd_kernel(dy)) {
    table_grad.index_add_(0, ids, contiguous.to(table_grad.scalar_type()));
    return;
  }
  if (dy.scalar_type() == at::kDouble) return embed_backward_cpu<double>(contiguous, ids, table_grad);
  embed_backward_cpu<float>(contiguous, ids, table_grad);
}

at::Tensor head_nats(const at::Tensor& x, const at::Tensor& targets, const HeadTensors& w, double eps,
                     HeadSaved* saved) {
  TORCH_CHECK(x.is_contiguous() && w.out.size(1) == x.size(1) && targets.numel() == x.size(0), "head: x ",
              x.sizes(), ", out ", w.out.sizes(), ", targets ", targets.sizes());
  if (!has_simd_kernel(x)) return head_nats_composed(x, targets, w, eps, saved);
  check_ids(targets, w.out.size(0), "head");
  return x.scalar_type() == at::kDouble ? nats_cpu<double>(x, targets, w, eps, saved)
                                        : nats_cpu<float>(x, targets, w, eps, saved);
}

at::Tensor head_backward(const at::Tensor& scale, const HeadSaved& saved, const HeadTensors& grads) {
  grads.norm.addcmul_(saved.d_norm, scale);
  grads.out.addcmul_(saved.d_out, scale);
  return saved.dx.mul_(scale.to(saved.dx.scalar_type()));
}

at::Tensor head_logits(const at::Tensor& x, const HeadTensors& w, double eps) {
  if (!has_simd_kernel(x)) return head_logits_composed(x, w, eps);
  return x.scalar_type() == at::kDouble ? logits_cpu<double>(x, w, eps) : logits_cpu<float>(x, w, eps);
}

}  // namespace aunet
