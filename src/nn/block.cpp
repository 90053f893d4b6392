#include "nn/block.h"

#include "core/error.h"
#include "nn/node.h"
#include "nn/rotary.h"

#include <fmt/format.h>

#include <algorithm>

namespace aunet {

namespace {

at::Tensor attention_half(const at::Tensor& x, const AttentionTensors& w, const AttentionTensors& grads,
                          const AttentionShape& shape, double eps) {
  if (!wants_gradient({x})) return attention(x, w, shape, eps, nullptr);
  AttentionSaved saved;
  at::Tensor y;
  {
    const at::NoGradGuard no_grad;
    y = attention(x.detach(), w, shape, eps, &saved);
  }
  // The host table may die before backward runs: it is copied.
  tie({y}, {x}, [=, cu_rows = *shape.cu_rows](std::vector<at::Tensor> dy) -> std::vector<at::Tensor> {
    AttentionShape own = shape;
    own.cu_rows = &cu_rows;
    return {attention_backward(std::move(dy[0]), saved, w, own, grads)};
  });
  return y;
}

at::Tensor feed_forward_half(const at::Tensor& x, const FeedForwardTensors& w,
                             const FeedForwardTensors& grads, double eps) {
  if (!wants_gradient({x})) return feed_forward(x, w, eps, nullptr);
  FeedForwardSaved saved;
  at::Tensor y;
  {
    const at::NoGradGuard no_grad;
    y = feed_forward(x.detach(), w, eps, &saved);
  }
  tie({y}, {x}, [=](std::vector<at::Tensor> dy) -> std::vector<at::Tensor> {
    return {feed_forward_backward(std::move(dy[0]), saved, w, grads)};
  });
  return y;
}

int64_t longest(const std::vector<int32_t>& cu_rows) {
  int64_t rows = 1;
  for (size_t i = 0; i + 1 < cu_rows.size(); ++i) rows = std::max<int64_t>(rows, cu_rows[i + 1] - cu_rows[i]);
  return rows;
}

}  // namespace

Stack::Stack(const StackConfig& config, const std::string& prefix, ParameterStore& store) : config_(config) {
  const int64_t d = config.dim, heads = d / config.head_dim;
  if (config_.kv_heads == 0) config_.kv_heads = heads;
  require(heads * config.head_dim == d && heads % config_.kv_heads == 0,
          fmt::format("stack: width {} does not split into heads of {}", d, config.head_dim));
  const int64_t q = heads * config.head_dim, k = config_.kv_heads * config.head_dim, f = config.hidden;
  for (int64_t i = 0; i < config.n_layers; ++i) {
    const auto name = [&](const char* weight) { return fmt::format("{}.{}.{}.weight", prefix, i, weight); };
    Block& b = blocks_.emplace_back();
    b.attention_norm = &store.add(name("attention_norm"), {d});
    b.wqkv = &store.add_fused(
        {{name("attention.wq"), q}, {name("attention.wk"), k}, {name("attention.wv"), k}}, d);
    b.wo = &store.add(name("attention.wo"), {d, q});
    b.ffn_norm = &store.add(name("ffn_norm"), {d});
    b.w13 = &store.add_fused({{name("feed_forward.w1"), f}, {name("feed_forward.w3"), f}}, d);
    b.w2 = &store.add(name("feed_forward.w2"), {d, f});
  }
}

AttentionShape Stack::shape_of(const at::Tensor& x, const at::Tensor& positions, int64_t longest) const {
  AttentionShape shape;
  shape.heads = config_.dim / config_.head_dim;
  shape.kv_heads = config_.kv_heads;
  shape.head_dim = config_.head_dim;
  shape.window = config_.window > 0 ? std::min(config_.window, longest) : longest;
  shape.positions = positions;
  // Angles in fp32 even for bf16 activations.
  const auto type = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  shape.rotary = rotary_table(config_.head_dim, config_.rope_theta, longest,
                              at::TensorOptions().dtype(type).device(x.device()));
  return shape;
}

at::Tensor Stack::forward(at::Tensor x, const StackRows& rows, StackCache* cache) const {
  AttentionShape shape = shape_of(x, rows.positions, longest(*rows.cu_rows));
  shape.cu_rows = rows.cu_rows;
  shape.cu_rows_device = rows.cu_rows_device;
  if (cache) cache->start(*rows.cu_rows);
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const Block& b = blocks_[i];
    const AttentionTensors attending{b.attention_norm->value.detach(), b.wqkv->value.detach(),
                                     b.wo->value.detach()};
    if (cache) {
      AttentionSaved saved;
      x = attention(x, attending, shape, config_.norm_eps, &saved);
      cache->fill(i, saved.qkv, *rows.cu_rows);
    } else {
      x = attention_half(x, attending, {b.attention_norm->grad, b.wqkv->grad, b.wo->grad}, shape,
                         config_.norm_eps);
    }
    x = feed_forward_half(x, {b.ffn_norm->value.detach(), b.w13->value.detach(), b.w2->value.detach()},
                          {b.ffn_norm->grad, b.w13->grad, b.w2->grad}, config_.norm_eps);
  }
  return x;
}

at::Tensor Stack::step(at::Tensor x, const std::vector<int64_t>& sequences, StackCache& cache) const {
  const at::NoGradGuard no_grad;
  const CachedRows rows = cache.next(sequences);
  at::Tensor positions = at::empty({x.size(0)}, at::kInt);
  int64_t last = 0;
  for (size_t i = 0; i < sequences.size(); ++i) {
    const int64_t position = cache.rows_seen(sequences[i]);
    positions.mutable_data_ptr<int32_t>()[i] = static_cast<int32_t>(position);
    last = std::max(last, position);
  }
  const AttentionShape shape = shape_of(x, positions.to(x.device()), last + 1);
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const Block& b = blocks_[i];
    x = attention_step(x, {b.attention_norm->value, b.wqkv->value, b.wo->value}, shape, config_.norm_eps,
                       rows, cache.layers_[i]);
    x = feed_forward(x, {b.ffn_norm->value, b.w13->value, b.w2->value}, config_.norm_eps, nullptr);
  }
  cache.advance(sequences);
  return x;
}

}  // namespace aunet
