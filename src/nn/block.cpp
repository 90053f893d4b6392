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

at::Tensor Stack::forward(at::Tensor x, const StackRows& rows) const {
  const int64_t n = longest(*rows.cu_rows);
  AttentionShape shape;
  shape.heads = config_.dim / config_.head_dim;
  shape.kv_heads = config_.kv_heads;
  shape.head_dim = config_.head_dim;
  shape.window = config_.window > 0 ? std::min(config_.window, n) : n;
  shape.cu_rows = rows.cu_rows;
  shape.cu_rows_device = rows.cu_rows_device;
  shape.positions = rows.positions;
  // Angles in fp32 even for bf16 activations.
  const auto type = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  shape.rotary = rotary_table(config_.head_dim, config_.rope_theta, n,
                              at::TensorOptions().dtype(type).device(x.device()));
  for (const Block& b : blocks_) {
    x = attention_half(x, {b.attention_norm->value.detach(), b.wqkv->value.detach(), b.wo->value.detach()},
                       {b.attention_norm->grad, b.wqkv->grad, b.wo->grad}, shape, config_.norm_eps);
    x = feed_forward_half(x, {b.ffn_norm->value.detach(), b.w13->value.detach(), b.w2->value.detach()},
                          {b.ffn_norm->grad, b.w13->grad, b.w2->grad}, config_.norm_eps);
  }
  return x;
}

}  // namespace aunet
