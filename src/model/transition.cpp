#include "model/transition.h"

#include "core/error.h"
#include "nn/kernels/transition.h"
#include "nn/node.h"

#include <ATen/ATen.h>

#include <fmt/format.h>

namespace aunet {

StageTransition::StageTransition(const AunetConfig& config, int64_t index, ParameterStore& store)
    : pooling_(pooling_of(config)), upsampling_(upsampling_of(config)), eps_(config.norm_eps) {
  const auto k = static_cast<size_t>(index);
  const int64_t fine = config.dimensions[k], coarse = config.dimensions[k + 1];
  if (pooling_ == Pooling::None && coarse % fine != 0)
    throw ConfigError(fmt::format(
        "model.dimensions: expected a multiple of {} after it with pooling_type \"non_param\", got {}", fine,
        coarse));
  features_ratio_ = coarse / fine;
  const auto add = [&](const char* weight, std::vector<int64_t> shape) {
    return &store.add(fmt::format("transitions.{}.{}.weight", index, weight), std::move(shape));
  };
  if (pooling_ == Pooling::CrossAttention) {
    const auto name = [&](const char* w) {
      return fmt::format("transitions.{}.pool_attention.{}.weight", index, w);
    };
    attention_.norm = add("pool_norm", {fine});
    attention_.wqkv = &store.add_fused({{name("wq"), fine}, {name("wk"), fine}, {name("wv"), fine}}, fine);
    attention_.wo = add("pool_attention.wo", {fine, fine});
    attention_.heads = fine / config.head_dims[k];
    attention_.eps = eps_;
  }
  if (pooling_ != Pooling::None) {
    down_norm_ = add("down_norm", {fine});
    trans_down_ = add("trans_down", {coarse, fine});
  }
  if (upsampling_ != Upsampling::None) {
    up_norm_ = add("up_norm", {coarse});
    trans_up_ = add("trans_up", {fine, coarse});
  }
  if (upsampling_ == Upsampling::MultiLinear) offsets_ = add("indexed_linear", {kOffsets, fine, coarse});
  if (upsampling_ == Upsampling::Repeat) offsets_ = add("pos_encoding", {kOffsets, coarse});
  if (config.skip == "concat" && has_residual(config, k)) skip_ = add("skip", {fine, 2 * fine});
}

at::Tensor StageTransition::down(const at::Tensor& x, const DeviceTransition& tables,
                                 at::Tensor& skip) const {
  if (pooling_ == Pooling::Boundary) return down_boundary(x, tables, skip);
  skip = x;
  switch (pooling_) {
    case Pooling::Average:
      return project_down(unit_average(x, tables));
    case Pooling::Max:
      return project_down(unit_max(x, tables));
    case Pooling::CrossAttention:
      return project_down(attention_.forward(x, tables));
    default:
      return down_without_weights(x, tables);
  }
}

at::Tensor StageTransition::down_boundary(const at::Tensor& x, const DeviceTransition& tables,
                                          at::Tensor& skip) const {
  const PoolTensors w{down_norm_->value.detach(), trans_down_->value.detach()};
  if (!wants_gradient({x})) {
    skip = x;
    return pool(x, tables.kept, w, eps_, nullptr);
  }
  PoolSaved saved;
  at::Tensor y;
  {
    const at::NoGradGuard no_grad;
    y = pool(x.detach(), tables.kept, w, eps_, &saved);
    skip = x.detach();
  }
  tie({y, skip}, {x},
      [saved, w, kept = tables.kept, grads = PoolTensors{down_norm_->grad, trans_down_->grad}](
          std::vector<at::Tensor> g) -> std::vector<at::Tensor> {
        return {pool_backward(g[0], std::move(g[1]), kept, saved, w, grads)};
      });
  return y;
}

at::Tensor StageTransition::project_down(const at::Tensor& units) const {
  DeviceTransition every_row;
  every_row.kept = at::arange(units.size(0), units.options().dtype(at::kLong));
  at::Tensor unused;
  return down_boundary(units.contiguous(), every_row, unused);
}

at::Tensor StageTransition::up(const at::Tensor& h, const at::Tensor& skip,
                               const DeviceTransition& tables) const {
  const bool fused = upsampling_ == Upsampling::MultiLinear;
  if (!skip_ || !skip.defined()) {
    if (fused) return up_indexed(h, skip, tables);
    const at::Tensor z = up_plain(h, tables);
    return skip.defined() ? z + skip : z;
  }
  const at::Tensor z = fused ? up_indexed(h, at::Tensor(), tables) : up_plain(h, tables);
  return at::linear(at::cat({skip, z}, 1), skip_->value.to(z.scalar_type()));
}

at::Tensor StageTransition::up_indexed(const at::Tensor& h, const at::Tensor& skip,
                                       const DeviceTransition& tables) const {
  const UpsampleTensors w{up_norm_->value.detach(), trans_up_->value.detach(), offsets_->value.detach()};
  const TransitionTables index{tables.kept, tables.unit, tables.order, tables.group.data()};
  if (!wants_gradient({h})) return upsample(h, skip, index, w, eps_, nullptr);
  UpsampleSaved saved;
  at::Tensor z;
  {
    const at::NoGradGuard no_grad;
    z = upsample(h.detach(), skip.defined() ? skip.detach() : skip, index, w, eps_, &saved);
  }
  const UpsampleTensors grads{up_norm_->grad, trans_up_->grad, offsets_->grad};
  const bool has_skip = skip.defined();
  tie({z}, has_skip ? std::vector<at::Tensor>{h, skip} : std::vector<at::Tensor>{h},
      [=](std::vector<at::Tensor> dz) -> std::vector<at::Tensor> {
        const TransitionTables own{tables.kept, tables.unit, tables.order, tables.group.data()};
        const at::Tensor dh = upsample_backward(dz[0], own, saved, w, grads);
        if (!has_skip) return {dh};
        return {dh, std::move(dz[0])};
      });
  return z;
}

at::Tensor StageTransition::down_without_weights(const at::Tensor& x, const DeviceTransition& tables) const {
  const at::Tensor b = x.index_select(0, tables.kept), before = b.roll(1, 1);
  std::vector<at::Tensor> mixed;
  for (int64_t i = 1; i <= features_ratio_; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(features_ratio_);
    mixed.push_back(share * b + (1 - share) * before);
  }
  return at::stack(mixed, 2).flatten(1);
}

at::Tensor StageTransition::up_plain(const at::Tensor& h, const DeviceTransition& tables) const {
  const int64_t rows = tables.unit.size(0);
  if (upsampling_ == Upsampling::None) {
    const at::Tensor means = h.unflatten(1, {h.size(1) / features_ratio_, features_ratio_}).mean(2);
    return at::zeros({rows, means.size(1)}, h.options()).index_copy(0, tables.kept, means);
  }
  const at::Tensor u = plain_norm(h, up_norm_->value, eps_).to(h.scalar_type());
  const at::Tensor matrix = trans_up_->value.to(h.scalar_type());
  if (upsampling_ == Upsampling::Scatter)
    return at::zeros({rows, matrix.size(0)}, h.options()).index_copy(0, tables.kept, at::linear(u, matrix));
  if (upsampling_ == Upsampling::Nearest) return at::linear(u, matrix).index_select(0, tables.unit);
  // W_up (u + e) = W_up u + W_up e: one product a unit and one an offset, instead of one a row.
  const at::Tensor first = tables.kept.index_select(0, tables.unit);
  const at::Tensor offset = at::arange(rows, tables.unit.options()).sub(first).remainder(kOffsets);
  return at::linear(u, matrix).index_select(0, tables.unit) +
         at::linear(offsets_->value.to(h.scalar_type()), matrix).index_select(0, offset);
}

}  // namespace aunet
