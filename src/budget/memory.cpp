#include "budget/memory.h"

#include "budget/params.h"
#include "core/error.h"

#include <algorithm>

namespace aunet {

namespace {

constexpr double kFloatBytes = 4;

/// Numbers a block keeps per row.
double kept_per_row(int64_t width, int64_t kv_width, int64_t heads, int64_t hidden) {
  return static_cast<double>(2 * width + (width + 2 * kv_width) + width + heads + 2 * hidden);
}

double kept(const AunetConfig& m, std::span<const double> rows) {
  require(rows.size() == m.dimensions.size(), "training_memory: one row count per stage");
  double numbers = 0;
  for (size_t k = 0; k < rows.size(); ++k) {
    const bool trunk = k + 1 == rows.size();
    const int64_t d = m.dimensions[k];
    const double blocks = static_cast<double>(trunk ? m.layers[k] : 2 * m.layers[k]);
    const int64_t kv_width = kv_heads_of(m, k) * m.head_dims[k];
    numbers += rows[k] * blocks * kept_per_row(d, kv_width, d / m.head_dims[k], ffn_hidden(d, m.multiple_of));
    numbers += rows[k] * static_cast<double>(trunk ? d : 2 * d);  // its input, and what comes back up
    if (trunk) continue;
    const Pooling pooling = pooling_of(m);
    const double fine = rows[k] * static_cast<double>(d), coarse = rows[k + 1] * static_cast<double>(d);
    if (pooling == Pooling::Average || pooling == Pooling::Max) numbers += fine + coarse;
    if (pooling == Pooling::CrossAttention) numbers += 7 * fine + 4 * coarse;
    if (m.skip == "concat" && has_residual(m, k)) numbers += 2 * fine;
  }
  return numbers + std::min(rows[0], kLogitRows) * static_cast<double>(m.vocab_size);
}

double kept(const TransformerConfig& m, std::span<const double> rows) {
  require(rows.size() == 1, "training_memory: a transformer has one stage");
  const int64_t heads = m.dim / m.head_dim;
  const int64_t kv_width = (m.n_kv_heads > 0 ? m.n_kv_heads : heads) * m.head_dim;
  const double block = kept_per_row(m.dim, kv_width, heads, ffn_hidden(m.dim, m.multiple_of));
  return rows[0] * (static_cast<double>(m.n_layers) * block + static_cast<double>(m.dim)) +
         std::min(rows[0], kLogitRows) * static_cast<double>(m.vocab_size);
}

}  // namespace

MemoryEstimate training_memory(const ModelConfig& model, std::span<const double> micro_rows) {
  const double weights = kFloatBytes * static_cast<double>(count_params(model).total);
  const double activations = std::visit([&](const auto& m) { return kept(m, micro_rows); }, model);
  return {weights, weights, 2 * weights, kFloatBytes * activations};
}

}  // namespace aunet
