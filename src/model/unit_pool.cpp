#include "model/unit_pool.h"

#include "nn/node.h"

#include <ATen/ATen.h>

#include <cmath>

namespace aunet {

namespace {

/// Sums must not be in 16 bits.
at::Tensor widened(const at::Tensor& x) { return x.scalar_type() == at::kBFloat16 ? x.to(at::kFloat) : x; }

/// One row per unit from the pooled rows [P, d], which follow each other. `unsafe`: the lengths are known to
/// add up, and checking would wait for the device.
at::Tensor reduce_units(const at::Tensor& rows, const char* how, const DeviceTransition& tables) {
  return at::segment_reduce(rows, how, tables.unit_rows, {}, {}, 0, true);
}

at::Tensor sum_units(const at::Tensor& rows, const DeviceTransition& tables) {
  return reduce_units(rows, "sum", tables);
}

/// A unit's row for each of its rows [P, d]. Its gradient is a sum of runs, unlike index_select's.
at::Tensor spread_units(const at::Tensor& units, const DeviceTransition& tables) {
  const at::Tensor rows = units.detach().index_select(0, tables.pooled_unit);
  if (wants_gradient({units}))
    tie({rows}, {units}, [tables](std::vector<at::Tensor> g) -> std::vector<at::Tensor> {
      return {sum_units(g[0].contiguous(), tables)};
    });
  return rows;
}

/// The pooled rows [P, d] of all rows. No row is pooled twice, so its gradient is a copy.
at::Tensor pooled_rows(const at::Tensor& x, const DeviceTransition& tables) {
  const at::Tensor rows = x.detach().index_select(0, tables.pooled);
  if (wants_gradient({x}))
    tie({rows}, {x}, [tables, n = x.size(0)](std::vector<at::Tensor> g) -> std::vector<at::Tensor> {
      at::Tensor dx = at::zeros({n, g[0].size(1)}, g[0].options());
      return {dx.index_copy_(0, tables.pooled, g[0])};
    });
  return rows;
}

}  // namespace

at::Tensor plain_norm(const at::Tensor& x, const at::Tensor& w, double eps) {
  return x * at::rsqrt(x.square().mean(-1, true) + eps) * w;
}

at::Tensor unit_average(const at::Tensor& x, const DeviceTransition& tables) {
  return reduce_units(widened(pooled_rows(x, tables)), "mean", tables).to(x.scalar_type());
}

at::Tensor unit_max(const at::Tensor& x, const DeviceTransition& tables) {
  return reduce_units(widened(pooled_rows(x, tables)), "max", tables).to(x.scalar_type());
}

at::Tensor UnitAttention::forward(const at::Tensor& x, const DeviceTransition& tables) const {
  const int64_t d = x.size(1), width = d / heads;
  const auto type = x.scalar_type();
  const at::Tensor normed = plain_norm(widened(x), norm->value, eps).to(type);
  const at::Tensor weights = wqkv->value.to(type);
  const at::Tensor q = at::linear(normed.index_select(0, tables.kept), weights.narrow(0, 0, d));
  const at::Tensor kv = pooled_rows(at::linear(normed, weights.narrow(0, d, 2 * d)), tables);
  const at::Tensor k = widened(kv.narrow(1, 0, d)), v = widened(kv.narrow(1, d, d));

  const at::Tensor pairs = spread_units(widened(q), tables) * k;
  const at::Tensor scores =
      pairs.unflatten(1, {heads, width}).sum(2) / std::sqrt(static_cast<double>(width));  // [P, heads]
  const at::Tensor largest = reduce_units(scores.detach(), "max", tables).index_select(0, tables.pooled_unit);
  const at::Tensor e = at::exp(scores - largest);
  const at::Tensor weighted = sum_units((e.unsqueeze(2) * v.unflatten(1, {heads, width})).flatten(1), tables);
  const at::Tensor attended =
      (weighted.unflatten(1, {heads, width}) / sum_units(e, tables).unsqueeze(2)).flatten(1).to(type);
  return x.index_select(0, tables.kept) + at::linear(attended, wo->value.to(type));
}

}  // namespace aunet
