#include "budget/params.h"

#include "core/error.h"

namespace aunet {

namespace {

/// QKVO, SwiGLU and the two norms of one block.
int64_t block_params(int64_t width, int64_t kv_width, int64_t hidden) {
  return 2 * width * width + 2 * width * kv_width + 3 * width * hidden + 2 * width;
}

int64_t pooling_params(Pooling pooling, int64_t fine, int64_t coarse) {
  if (pooling == Pooling::None) return 0;
  const int64_t attention = pooling == Pooling::CrossAttention ? fine + 4 * fine * fine : 0;
  return attention + fine + fine * coarse;
}

int64_t upsampling_params(Upsampling upsampling, int64_t fine, int64_t coarse) {
  constexpr int64_t kOffsetMatrices = 16;  // max_pos of the official code
  if (upsampling == Upsampling::None) return 0;
  const int64_t offsets = upsampling == Upsampling::MultiLinear ? kOffsetMatrices * fine * coarse
                          : upsampling == Upsampling::Repeat    ? kOffsetMatrices * coarse
                                                                : 0;
  return coarse + fine * coarse + offsets;
}

int64_t transition_params(const AunetConfig& m, size_t k) {
  const int64_t fine = m.dimensions[k], coarse = m.dimensions[k + 1];
  const int64_t skip = m.skip == "concat" && has_residual(m, k) ? 2 * fine * fine : 0;
  return pooling_params(pooling_of(m), fine, coarse) + upsampling_params(upsampling_of(m), fine, coarse) +
         skip;
}

ParamCount finish(ParamCount count, int64_t other, int64_t width, bool tied) {
  count.total = count.embedding + count.head + count.blocks + count.transitions + count.unit_heads + other;
  count.non_embedding = count.total - count.embedding - count.head - count.unit_heads;
  count.active = (tied ? count.total : count.total - count.embedding + width) - count.unit_heads;
  return count;
}

ParamCount count(const AunetConfig& m) {
  const size_t n = m.dimensions.size();
  require(m.layers.size() == n, "count_params: dimensions and layers differ in length");
  ParamCount c;
  const int64_t width = m.dimensions[0];
  for (size_t k = 0; k < n; ++k) {
    const int64_t d = m.dimensions[k];
    const int64_t blocks = k + 1 < n ? 2 * m.layers[k] : m.layers[k];
    const int64_t kv_width = m.n_kv_heads.empty() ? d : m.n_kv_heads[k] * m.head_dims[k];
    c.blocks += blocks * block_params(d, kv_width, ffn_hidden(d, m.multiple_of));
    if (k + 1 < n) c.transitions += transition_params(m, k);
    if (unit_weight(m, k) > 0) c.unit_heads += d + m.unit_reach * m.vocab_size * d;
  }
  c.embedding = m.vocab_size * width;
  c.head = m.weight_tying ? 0 : c.embedding;
  int64_t norms_and_levels = width;
  if (m.lambda_level > 0) norms_and_levels += static_cast<int64_t>(n) * 2 * width + 2 * width;
  return finish(c, norms_and_levels, width, m.weight_tying);
}

ParamCount count(const TransformerConfig& m) {
  const int64_t kv_heads = m.n_kv_heads > 0 ? m.n_kv_heads : m.dim / m.head_dim;
  ParamCount c;
  c.blocks = m.n_layers * block_params(m.dim, kv_heads * m.head_dim, ffn_hidden(m.dim, m.multiple_of));
  c.embedding = m.vocab_size * m.dim;
  c.head = m.weight_tying ? 0 : c.embedding;
  return finish(c, m.dim, m.dim, m.weight_tying);
}

}  // namespace

ParamCount count_params(const ModelConfig& model) {
  return std::visit([](const auto& m) { return count(m); }, model);
}

}  // namespace aunet
