#include "budget/params.h"

#include "core/error.h"

namespace aunet {

namespace {

/// QKVO, SwiGLU and the two norms of one block.
int64_t block_params(int64_t width, int64_t kv_width, int64_t hidden) {
  return 2 * width * width + 2 * width * kv_width + 3 * width * hidden + 2 * width;
}

int64_t transition_params(const std::string& pooling, int64_t fine, int64_t coarse) {
  constexpr int64_t kOffsetMatrices = 16;  // max_pos of the official code
  const int64_t norms_down_and_up = fine + coarse + 2 * fine * coarse;
  if (pooling == "non_param") return 0;
  if (pooling == "scatter") return norms_down_and_up;
  if (pooling == "repeat") return norms_down_and_up + kOffsetMatrices * coarse;
  require(pooling == "indexed_matmul", "count_params: unknown pooling type '" + pooling + "'");
  return norms_down_and_up + kOffsetMatrices * fine * coarse;
}

ParamCount finish(ParamCount count, int64_t other, int64_t width, bool tied) {
  count.total = count.embedding + count.head + count.blocks + count.transitions + other;
  count.non_embedding = count.total - count.embedding - count.head;
  count.active = tied ? count.total : count.total - count.embedding + width;
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
    c.blocks += blocks * block_params(d, d, ffn_hidden(d, m.multiple_of));
    if (k + 1 < n) c.transitions += transition_params(m.pooling_type, d, m.dimensions[k + 1]);
  }
  c.embedding = c.head = m.vocab_size * width;
  int64_t norms_and_levels = width;
  if (m.lambda_level > 0) norms_and_levels += static_cast<int64_t>(n) * 2 * width + 2 * width;
  return finish(c, norms_and_levels, width, false);
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
