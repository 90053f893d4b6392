#include "model/transition.h"

#include "core/error.h"
#include "nn/kernels/transition.h"
#include "nn/node.h"

#include <ATen/ATen.h>

#include <fmt/format.h>

namespace aunet {

namespace {

/// RMSNorm in plain differentiable operations: for the variants that no training run depends on for speed.
at::Tensor plain_norm(const at::Tensor& x, const at::Tensor& w, double eps) {
  return x * at::rsqrt(x.square().mean(-1, true) + eps) * w;
}

}  // namespace

StageTransition::StageTransition(const AunetConfig& config, int64_t index, ParameterStore& store)
    : pooling_(config.pooling_type), eps_(config.norm_eps) {
  const auto k = static_cast<size_t>(index);
  const int64_t fine = config.dimensions[k], coarse = config.dimensions[k + 1];
  if (pooling_ == "non_param") {
    if (coarse != 2 * fine)
      throw ConfigError(
          fmt::format("model.dimensions: expected {} after {} with pooling_type \"non_param\", got {}",
                      2 * fine, fine, coarse));
    return;
  }
  const auto name = [&](const char* weight) {
    return fmt::format("transitions.{}.{}.weight", index, weight);
  };
  down_norm_ = &store.add(name("down_norm"), {fine});
  trans_down_ = &store.add(name("trans_down"), {coarse, fine});
  up_norm_ = &store.add(name("up_norm"), {coarse});
  trans_up_ = &store.add(name("trans_up"), {fine, coarse});
  if (pooling_ == "indexed_matmul")
    offsets_ = &store.add(name("indexed_linear"), {kOffsets, fine, coarse});
  else if (pooling_ == "repeat")
    offsets_ = &store.add(name("pos_encoding"), {kOffsets, coarse});
  else if (pooling_ != "scatter")
    throw ConfigError(
        fmt::format("model.pooling_type: expected \"indexed_matmul\", \"repeat\", \"scatter\" or "
                    "\"non_param\", got \"{}\"",
                    pooling_));
}

at::Tensor StageTransition::down(const at::Tensor& x, const DeviceTransition& tables,
                                 at::Tensor& skip) const {
  if (pooling_ == "non_param") {
    skip = x;
    return down_without_weights(x, tables);
  }
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

at::Tensor StageTransition::up(const at::Tensor& h, const at::Tensor& skip,
                               const DeviceTransition& tables) const {
  if (pooling_ == "indexed_matmul") return up_indexed(h, skip, tables);
  const at::Tensor z = up_plain(h, tables);
  return skip.defined() ? z + skip : z;
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
  const at::Tensor a = x.index_select(0, tables.kept);
  return at::stack({(a + a.roll(1, 1)) / 2, a}, 2).flatten(1).contiguous();
}

at::Tensor StageTransition::up_plain(const at::Tensor& h, const DeviceTransition& tables) const {
  const int64_t rows = tables.unit.size(0);
  if (pooling_ == "non_param") {
    const at::Tensor pairs = h.unflatten(1, {h.size(1) / 2, 2}).mean(2);
    return at::zeros({rows, pairs.size(1)}, h.options()).index_copy(0, tables.kept, pairs);
  }
  const at::Tensor u = plain_norm(h, up_norm_->value, eps_).to(h.scalar_type());
  const at::Tensor matrix = trans_up_->value.to(h.scalar_type());
  if (pooling_ == "scatter")
    return at::zeros({rows, matrix.size(0)}, h.options()).index_copy(0, tables.kept, at::linear(u, matrix));
  // W_up (u + e) = W_up u + W_up e: one product a unit and one an offset, instead of one a row.
  const at::Tensor first = tables.kept.index_select(0, tables.unit);
  const at::Tensor offset = at::arange(rows, tables.unit.options()).sub(first).remainder(kOffsets);
  return at::linear(u, matrix).index_select(0, tables.unit) +
         at::linear(offsets_->value.to(h.scalar_type()), matrix).index_select(0, offset);
}

}  // namespace aunet
