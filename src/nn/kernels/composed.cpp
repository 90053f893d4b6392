#include "nn/kernels/composed.h"

#include "nn/kernels/composed_linear.h"
#include "nn/kernels/rms_norm.h"
#include "nn/kernels/swiglu.h"

#include <algorithm>

namespace aunet {

bool has_simd_kernel(const at::Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble);
}

at::Tensor feed_forward_composed(const at::Tensor& x, const FeedForwardTensors& w, double eps,
                                 FeedForwardSaved* saved) {
  at::Tensor rstd;
  const at::Tensor gates = times_transposed(rms_norm(x, w.norm, eps, rstd), w.w13);
  if (saved) *saved = {x, rstd, gates};
  return at::addmm(x, swiglu(gates), as(w.w2, x).t());
}

at::Tensor feed_forward_backward_composed(const at::Tensor& dy, const FeedForwardSaved& saved,
                                          const FeedForwardTensors& w, const FeedForwardTensors& grads) {
  add_weight_gradient(grads.w2, dy, swiglu(saved.gates));
  const at::Tensor d_gates = swiglu_backward(saved.gates, at::mm(dy, as(w.w2, dy)));
  add_weight_gradient(grads.w13, d_gates, apply_norm(saved.x, w.norm, saved.rstd));
  return dy + rms_norm_backward(at::mm(d_gates, as(w.w13, dy)), saved.x, w.norm, saved.rstd, grads.norm);
}

at::Tensor pool_composed(const at::Tensor& x, const at::Tensor& kept, const PoolTensors& w, double eps,
                         PoolSaved* saved) {
  at::Tensor rstd;
  const at::Tensor normed = rms_norm(x.index_select(0, kept), w.norm, eps, rstd);
  if (saved) *saved = {x, rstd};
  return times_transposed(normed, w.down);
}

at::Tensor pool_backward_composed(const at::Tensor& dy, const at::Tensor& d_skip, const at::Tensor& kept,
                                  const PoolSaved& saved, const PoolTensors& w, const PoolTensors& grads) {
  const at::Tensor rows = saved.x.index_select(0, kept);
  add_weight_gradient(grads.down, dy, apply_norm(rows, w.norm, saved.rstd));
  const at::Tensor d_rows =
      rms_norm_backward(at::mm(dy, as(w.down, dy)), rows, w.norm, saved.rstd, grads.norm);
  // Every kept row occurs once: a plain copy of the sums, no atomic addition.
  const at::Tensor dx = d_skip.defined() ? d_skip.clone() : at::zeros_like(saved.x);
  dx.index_copy_(0, kept, dx.index_select(0, kept) + d_rows);
  return dx;
}

namespace {

/// up + offsets[q] of every offset, in the activations' type: [16, d_f, d_c].
at::Tensor summed_matrices(const UpsampleTensors& w, const at::Tensor& like) {
  return as(w.offsets + w.up, like);
}

}  // namespace

at::Tensor upsample_composed(const at::Tensor& h, const at::Tensor& skip, const TransitionTables& tables,
                             const UpsampleTensors& w, double eps, UpsampleSaved* saved) {
  at::Tensor rstd;
  const at::Tensor normed = rms_norm(h, w.norm, eps, rstd);
  const at::Tensor in = normed.index_select(0, tables.unit.index_select(0, tables.order));
  const at::Tensor matrices = summed_matrices(w, h);
  at::Tensor out = at::empty({in.size(0), w.up.size(0)}, h.options());
  for (int64_t q = 0; q < w.offsets.size(0); ++q) {
    const int64_t first = tables.group[q], rows = tables.group[q + 1] - first;
    if (rows == 0) continue;
    at::Tensor part = out.narrow(0, first, rows);
    at::mm_out(part, in.narrow(0, first, rows), matrices[q].t());
  }
  at::Tensor z = at::empty_like(out);
  z.index_copy_(0, tables.order, out);
  if (saved) *saved = {h, normed, rstd};
  return skip.defined() ? z.add_(skip) : z;
}

at::Tensor upsample_backward_composed(const at::Tensor& dz, const TransitionTables& tables,
                                      const UpsampleSaved& saved, const UpsampleTensors& w,
                                      const UpsampleTensors& grads) {
  const at::Tensor units = tables.unit.index_select(0, tables.order);
  const at::Tensor in = saved.normed.index_select(0, units), d_out = dz.index_select(0, tables.order);
  const at::Tensor matrices = summed_matrices(w, dz);
  at::Tensor d_in = at::empty_like(in), d_matrices = at::zeros_like(grads.offsets);
  for (int64_t q = 0; q < w.offsets.size(0); ++q) {
    const int64_t first = tables.group[q], rows = tables.group[q + 1] - first;
    if (rows == 0) continue;
    const at::Tensor d_rows = d_out.narrow(0, first, rows);
    at::Tensor part = d_in.narrow(0, first, rows);
    at::mm_out(part, d_rows, matrices[q]);
    add_weight_gradient(d_matrices[q], d_rows, in.narrow(0, first, rows));
  }
  grads.offsets.add_(d_matrices);
  grads.up.add_(d_matrices.sum(0));
  const at::Tensor d_normed = at::zeros_like(saved.rstd)
                                  .unsqueeze(1)
                                  .expand_as(saved.h)
                                  .contiguous()
                                  .index_add_(0, units, d_in.to(saved.rstd.scalar_type()));
  return rms_norm_backward(as(d_normed, dz), saved.h, w.norm, saved.rstd, grads.norm);
}

at::Tensor head_nats_composed(const at::Tensor& x, const at::Tensor& targets, const HeadTensors& w,
                              double eps, HeadSaved* saved) {
  constexpr int64_t kLogits = int64_t{1} << 26;  // at most 256 MB of fp32 logits at once
  const int64_t step = std::max<int64_t>(64, kLogits / w.out.size(0));
  const at::Tensor out = as(w.out, x);
  at::Tensor nats = at::empty({x.size(0)}, w.out.options());
  if (saved) *saved = {at::empty_like(x), at::zeros_like(w.norm), at::zeros_like(w.out)};
  for (int64_t i = 0; i < x.size(0); i += step) {
    const int64_t rows = std::min(step, x.size(0) - i);
    const at::Tensor part = x.narrow(0, i, rows), target = targets.narrow(0, i, rows).unsqueeze(1);
    at::Tensor rstd;
    const at::Tensor normed = rms_norm(part, w.norm, eps, rstd);
    at::Tensor logits = at::mm(normed, out.t()).to(w.out.scalar_type());
    const at::Tensor lse = at::logsumexp(logits, {1}, true);
    nats.narrow(0, i, rows).copy_((lse - logits.gather(1, target)).squeeze(1));
    if (!saved) continue;
    logits.sub_(lse).exp_();
    logits.scatter_add_(1, target, at::full_like(lse, -1));
    const at::Tensor d_logits = as(logits, x);
    add_weight_gradient(saved->d_out, d_logits, normed);
    saved->dx.narrow(0, i, rows)
        .copy_(rms_norm_backward(at::mm(d_logits, out), part, w.norm, rstd, saved->d_norm));
  }
  return nats;
}

at::Tensor head_logits_composed(const at::Tensor& x, const HeadTensors& w, double eps) {
  at::Tensor rstd;
  return times_transposed(rms_norm(x, w.norm, eps, rstd), w.out).to(w.out.scalar_type());
}

}  // namespace aunet
