#include "nn/kernels/transition.h"

#include "nn/kernels/composed.h"
#include "nn/kernels/cpu/team.h"

#include <ATen/ATen.h>

namespace aunet {

namespace {

template <class T>
at::Tensor pool_cpu(const at::Tensor& x, const at::Tensor& kept, const PoolTensors& w, double eps,
                    PoolSaved* saved) {
  const RowKernels<T>& kernels = row_kernels<T>();
  const int64_t n_rows = kept.size(0), fine = x.size(1), coarse = w.down.size(0);
  const RowShares shares(n_rows, 2.0 * static_cast<double>(n_rows * fine * coarse));
  at::Tensor y = at::empty({n_rows, coarse}, x.options()), rstd = at::empty({n_rows}, x.options());
  PackedWeights<T> packed(saved || n_rows > kFewRows);
  packed.add(w.down.const_data_ptr<T>(), coarse, fine, true);
  packed.run(shares.team);
  const T *px = x.const_data_ptr<T>(), *norm = w.norm.const_data_ptr<T>();
  const int64_t* pick = kept.const_data_ptr<int64_t>();
  T *py = y.mutable_data_ptr<T>(), *pr = rstd.mutable_data_ptr<T>();
  run_team(shares.team, [&](int64_t t) {
    T* normed = thread_scratch<T>(kRowBlock * fine);
    over_row_blocks(shares, t, [&](int64_t i, int64_t rows) {
      kernels.rms_norm(rows, fine, px, pick + i, norm, static_cast<T>(eps), normed, pr + i);
      packed.product(0, rows, normed, fine, py + i * coarse, coarse, false);
    });
  });
  if (saved) *saved = {x, rstd};
  return y;
}

template <class T>
at::Tensor pool_backward_cpu(const at::Tensor& dy, const at::Tensor& d_skip, const at::Tensor& kept,
                             const PoolSaved& saved, const PoolTensors& w, const PoolTensors& grads) {
  const RowKernels<T>& kernels = row_kernels<T>();
  const int64_t n_rows = kept.size(0), fine = saved.x.size(1), coarse = w.down.size(0);
  const RowShares shares(n_rows, 4.0 * static_cast<double>(n_rows * fine * coarse));
  at::Tensor dx;
  if (!d_skip.defined()) {
    dx = at::zeros_like(saved.x);
  } else {
    dx = reuse_or_empty(d_skip);
    if (!dx.is_same(d_skip)) dx.copy_(d_skip);
  }
  PackedWeights<T> packed;
  packed.add(w.down.const_data_ptr<T>(), coarse, fine, false);
  packed.run(shares.team);
  TeamSums<T> sums(shares.team, {grads.norm, grads.down});
  const T *pdy = dy.const_data_ptr<T>(), *px = saved.x.const_data_ptr<T>(),
          *norm = w.norm.const_data_ptr<T>();
  const T* pr = saved.rstd.const_data_ptr<T>();
  const int64_t* pick = kept.const_data_ptr<int64_t>();
  T* pdx = dx.mutable_data_ptr<T>();
  run_team(shares.team, [&](int64_t t) {
    T* normed = thread_scratch<T>(2 * kRowBlock * fine);
    T* d_normed = normed + kRowBlock * fine;
    sums.clear(t, 0);
    over_row_blocks(shares, t, [&](int64_t i, int64_t rows) {
      const T* d_row = pdy + i * coarse;
      kernels.rms_apply(rows, fine, px, pick + i, norm, pr + i, normed);
      kernels.gemm_tn(coarse, fine, rows, d_row, coarse, normed, fine, sums.part(t, 1), fine,
                      t == 0 || i > shares.first(t));
      kernels.gemm(rows, fine, coarse, d_row, coarse, packed[0], d_normed, fine, false);
      kernels.rms_norm_backward(rows, fine, d_normed, px, pick + i, norm, pr + i, pdx, pdx, sums.part(t, 0));
    });
  });
  sums.reduce();
  return dx;
}

/// Fine rows of one offset, cut into blocks, dealt to members in order and by rows, so that a member meets
/// few offsets.
struct OffsetBlock {
  int64_t offset, first, rows;
};
std::vector<std::vector<OffsetBlock>> deal_offsets(const int32_t* group, int64_t n_offsets, int64_t team) {
  std::vector<std::vector<OffsetBlock>> dealt(static_cast<size_t>(team));
  const int64_t total = group[n_offsets];
  for (int64_t q = 0; q < n_offsets; ++q)
    for (int64_t i = group[q]; i < group[q + 1];) {
      const int64_t member = std::min(team - 1, i * team / std::max<int64_t>(1, total));
      const int64_t member_end = member + 1 == team ? total : (total * (member + 1) + team - 1) / team;
      const int64_t rows = std::min({kRowBlock, group[q + 1] - i, member_end - i});
      dealt[static_cast<size_t>(member)].push_back({q, i, rows});
      i += rows;
    }
  return dealt;
}

template <class T>
void pack_offsets(PackedWeights<T>& packed, const UpsampleTensors& w, const int32_t* group, bool transposed,
                  std::vector<int64_t>& index) {
  const int64_t n = w.offsets.size(0), size = w.up.numel();
  index.assign(static_cast<size_t>(n), -1);
  for (int64_t q = 0; q < n; ++q)
    if (group[q + 1] > group[q])
      index[static_cast<size_t>(q)] = packed.add(w.up.const_data_ptr<T>(), w.up.size(0), w.up.size(1),
                                                 transposed, w.offsets.const_data_ptr<T>() + q * size);
}

template <class T>
at::Tensor upsample_cpu(const at::Tensor& h, const at::Tensor& skip, const TransitionTables& tables,
                        const UpsampleTensors& w, double eps, UpsampleSaved* saved) {
  const RowKernels<T>& kernels = row_kernels<T>();
  const int64_t coarse_rows = h.size(0), rows = tables.unit.size(0), fine = w.up.size(0),
                coarse = w.up.size(1);
  at::Tensor normed = at::empty_like(h), rstd = at::empty({coarse_rows}, h.options());
  at::Tensor z = at::empty({rows, fine}, h.options());
  kernels.rms_norm(coarse_rows, coarse, h.const_data_ptr<T>(), nullptr, w.norm.const_data_ptr<T>(),
                   static_cast<T>(eps), normed.mutable_data_ptr<T>(), rstd.mutable_data_ptr<T>());
  const RowShares shares(rows, 2.0 * static_cast<double>(rows * fine * coarse));
  PackedWeights<T> packed(saved || rows > kFewRows);
  std::vector<int64_t> index;
  pack_offsets(packed, w, tables.group, true, index);
  packed.run(shares.team);
  const auto dealt = deal_offsets(tables.group, w.offsets.size(0), shares.team);
  const T *pn = normed.const_data_ptr<T>(), *ps = skip.defined() ? skip.const_data_ptr<T>() : nullptr;
  const int64_t *order = tables.order.const_data_ptr<int64_t>(),
                *unit = tables.unit.const_data_ptr<int64_t>();
  T* pz = z.mutable_data_ptr<T>();
  run_team(shares.team, [&](int64_t t) {
    T* in = thread_scratch<T>(kRowBlock * (coarse + fine));
    T* out = in + kRowBlock * coarse;
    for (const OffsetBlock& b : dealt[static_cast<size_t>(t)]) {
      for (int64_t i = 0; i < b.rows; ++i)
        std::memcpy(in + i * coarse, pn + unit[order[b.first + i]] * coarse,
                    static_cast<size_t>(coarse) * sizeof(T));
      packed.product(index[static_cast<size_t>(b.offset)], b.rows, in, coarse, out, fine, false);
      for (int64_t i = 0; i < b.rows; ++i) {
        const int64_t at = order[b.first + i] * fine;
        if (ps) kernels.add(fine, ps + at, out + i * fine);
        std::memcpy(pz + at, out + i * fine, static_cast<size_t>(fine) * sizeof(T));
      }
    }
  });
  if (saved) *saved = {h, normed, rstd};
  return z;
}

/// d_in [R_f, d_c]: what each fine row sends to its unit's normed row. Adds the matrices' gradients.
template <class T>
void products_backward(const at::Tensor& dz, const TransitionTables& tables, const UpsampleSaved& saved,
                       const UpsampleTensors& w, const UpsampleTensors& grads, const RowShares& shares,
                       T* d_in) {
  const RowKernels<T>& kernels = row_kernels<T>();
  const int64_t fine = w.up.size(0), coarse = w.up.size(1), size = fine * coarse;
  PackedWeights<T> packed;
  std::vector<int64_t> index;
  pack_offsets(packed, w, tables.group, false, index);
  packed.run(shares.team);
  const auto dealt = deal_offsets(tables.group, w.offsets.size(0), shares.team);
  // The gradient of the summed matrix of each offset goes to both of its terms.
  at::Tensor matrices = at::zeros({shares.team, w.offsets.size(0), size}, dz.options());
  const T *pdz = dz.const_data_ptr<T>(), *pn = saved.normed.const_data_ptr<T>();
  const int64_t *order = tables.order.const_data_ptr<int64_t>(),
                *unit = tables.unit.const_data_ptr<int64_t>();
  T* pm = matrices.mutable_data_ptr<T>();
  run_team(shares.team, [&](int64_t t) {
    T* in = thread_scratch<T>(kRowBlock * (2 * coarse + fine));
    T *d_row = in + kRowBlock * coarse, *d_out = d_row + kRowBlock * coarse;
    for (const OffsetBlock& b : dealt[static_cast<size_t>(t)]) {
      for (int64_t i = 0; i < b.rows; ++i) {
        const int64_t row = order[b.first + i];
        std::memcpy(in + i * coarse, pn + unit[row] * coarse, static_cast<size_t>(coarse) * sizeof(T));
        std::memcpy(d_out + i * fine, pdz + row * fine, static_cast<size_t>(fine) * sizeof(T));
      }
      kernels.gemm_tn(fine, coarse, b.rows, d_out, fine, in, coarse,
                      pm + (t * w.offsets.size(0) + b.offset) * size, coarse, true);
      kernels.gemm(b.rows, coarse, fine, d_out, fine, packed[index[static_cast<size_t>(b.offset)]], d_row,
                   coarse, false);
      for (int64_t i = 0; i < b.rows; ++i)
        std::memcpy(d_in + order[b.first + i] * coarse, d_row + i * coarse,
                    static_cast<size_t>(coarse) * sizeof(T));
    }
  });
  T *g_up = grads.up.mutable_data_ptr<T>(), *g_offsets = grads.offsets.mutable_data_ptr<T>();
  run_team(shares.team, [&](int64_t t) {
    const int64_t first = size * t / shares.team, count = size * (t + 1) / shares.team - first;
    for (int64_t m = 0; m < shares.team; ++m)
      for (int64_t q = 0; q < w.offsets.size(0); ++q) {
        const T* part = pm + (m * w.offsets.size(0) + q) * size + first;
        kernels.add(count, part, g_offsets + q * size + first);
        kernels.add(count, part, g_up + first);
      }
  });
}

template <class T>
at::Tensor upsample_backward_cpu(const at::Tensor& dz, const TransitionTables& tables,
                                 const UpsampleSaved& saved, const UpsampleTensors& w,
                                 const UpsampleTensors& grads) {
  const RowKernels<T>& kernels = row_kernels<T>();
  const int64_t rows = tables.unit.size(0), coarse_rows = saved.h.size(0), coarse = w.up.size(1);
  const RowShares shares(rows, 4.0 * static_cast<double>(rows * w.up.numel()));
  at::Tensor d_in = at::empty({rows, coarse}, dz.options());
  products_backward(dz, tables, saved, w, grads, shares, d_in.mutable_data_ptr<T>());
  // A unit's fine rows are consecutive: its gradient is the sum of a run of d_in, in order.
  at::Tensor d_normed = at::zeros({coarse_rows, coarse}, dz.options()), dh = at::empty_like(saved.h);
  const int64_t* unit = tables.unit.const_data_ptr<int64_t>();
  const T* pd = d_in.const_data_ptr<T>();
  T* pn = d_normed.mutable_data_ptr<T>();
  for (int64_t t = 0; t < rows; ++t) kernels.add(coarse, pd + t * coarse, pn + unit[t] * coarse);
  kernels.rms_norm_backward(coarse_rows, coarse, pn, saved.h.const_data_ptr<T>(), nullptr,
                            w.norm.const_data_ptr<T>(), saved.rstd.const_data_ptr<T>(), nullptr,
                            dh.mutable_data_ptr<T>(), grads.norm.mutable_data_ptr<T>());
  return dh;
}

}  // namespace

at::Tensor pool(const at::Tensor& x, const at::Tensor& kept, const PoolTensors& w, double eps,
                PoolSaved* saved) {
  TORCH_CHECK(x.is_contiguous() && w.down.size(1) == x.size(1), "pool: x ", x.sizes(), ", down ",
              w.down.sizes());
  if (!has_simd_kernel(x)) return pool_composed(x, kept, w, eps, saved);
  return x.scalar_type() == at::kDouble ? pool_cpu<double>(x, kept, w, eps, saved)
                                        : pool_cpu<float>(x, kept, w, eps, saved);
}

at::Tensor pool_backward(const at::Tensor& dy, at::Tensor d_skip, const at::Tensor& kept,
                         const PoolSaved& saved, const PoolTensors& w, const PoolTensors& grads) {
  const at::Tensor contiguous = dy.contiguous();
  if (!has_simd_kernel(saved.x)) return pool_backward_composed(contiguous, d_skip, kept, saved, w, grads);
  return saved.x.scalar_type() == at::kDouble
             ? pool_backward_cpu<double>(contiguous, d_skip, kept, saved, w, grads)
             : pool_backward_cpu<float>(contiguous, d_skip, kept, saved, w, grads);
}

at::Tensor upsample(const at::Tensor& h, const at::Tensor& skip, const TransitionTables& tables,
                    const UpsampleTensors& w, double eps, UpsampleSaved* saved) {
  TORCH_CHECK(h.is_contiguous() && w.up.size(1) == h.size(1) &&
                  tables.group[w.offsets.size(0)] == tables.unit.size(0),
              "upsample: h ", h.sizes(), ", up ", w.up.sizes(), ", rows ", tables.unit.sizes());
  if (!has_simd_kernel(h)) return upsample_composed(h, skip, tables, w, eps, saved);
  return h.scalar_type() == at::kDouble ? upsample_cpu<double>(h, skip, tables, w, eps, saved)
                                        : upsample_cpu<float>(h, skip, tables, w, eps, saved);
}

at::Tensor upsample_backward(const at::Tensor& dz, const TransitionTables& tables, const UpsampleSaved& saved,
                             const UpsampleTensors& w, const UpsampleTensors& grads) {
  const at::Tensor contiguous = dz.contiguous();
  if (!has_simd_kernel(saved.h)) return upsample_backward_composed(contiguous, tables, saved, w, grads);
  return saved.h.scalar_type() == at::kDouble
             ? upsample_backward_cpu<double>(contiguous, tables, saved, w, grads)
             : upsample_backward_cpu<float>(contiguous, tables, saved, w, grads);
}

}  // namespace aunet
