#include "core/error.h"
#include "nn/block.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace aunet {

StackCache::StackCache(const StackConfig& config, int64_t n_sequences, const at::TensorOptions& options)
    : width_(2 * config.head_dim * (config.kv_heads > 0 ? config.kv_heads : config.dim / config.head_dim)),
      kept_(config.window > 0 ? config.window - 1 : -1),
      limit_(config.window > 0 ? config.window + config.window / 4 + 16 : -1),
      filled_(static_cast<size_t>(n_sequences)),
      seen_(static_cast<size_t>(n_sequences)) {
  for (int64_t i = 0; i < config.n_layers; ++i)
    layers_.push_back(at::zeros({n_sequences, 0, width_}, options));
}

void StackCache::start(const std::vector<int32_t>& cu_rows) {
  require(cu_rows.size() == filled_.size() + 1, "stack cache: another number of sequences");
  for (size_t b = 0; b < filled_.size(); ++b) {
    seen_[b] = cu_rows[b + 1] - cu_rows[b];
    filled_[b] = kept_ >= 0 ? std::min(kept_, seen_[b]) : seen_[b];
  }
  reserve(*std::max_element(filled_.begin(), filled_.end()) + 1);
}

void StackCache::fill(size_t layer, const at::Tensor& qkv, const std::vector<int32_t>& cu_rows) {
  const at::Tensor kv = qkv.narrow(1, qkv.size(1) - width_, width_);
  for (size_t b = 0; b < filled_.size(); ++b)
    layers_[layer][static_cast<int64_t>(b)]
        .narrow(0, 0, filled_[b])
        .copy_(kv.narrow(0, cu_rows[b + 1] - filled_[b], filled_[b]));
}

void StackCache::reserve(int64_t rows) {
  for (at::Tensor& layer : layers_) {
    const int64_t room = layer.size(1);
    if (rows <= room) continue;
    int64_t wanted = std::max<int64_t>({rows, 2 * room, 64});
    if (limit_ > 0) wanted = std::min(wanted, limit_);
    // Zeros: what was never written is masked, and must not be a NaN when it is.
    at::Tensor larger = at::zeros({layer.size(0), wanted, width_}, layer.options());
    larger.narrow(1, 0, room).copy_(layer);
    layer = larger;
  }
}

void StackCache::drop_old(int64_t sequence) {
  int64_t& filled = filled_[static_cast<size_t>(sequence)];
  for (at::Tensor& layer : layers_) {
    at::Tensor own = layer[sequence];
    own.narrow(0, 0, kept_).copy_(own.narrow(0, filled - kept_, kept_).clone());
  }
  filled = kept_;
}

CachedRows StackCache::next(const std::vector<int64_t>& sequences) {
  int64_t most = 0;
  for (const int64_t sequence : sequences) {
    if (limit_ > 0 && filled_[static_cast<size_t>(sequence)] == limit_) drop_old(sequence);
    most = std::max(most, filled_[static_cast<size_t>(sequence)]);
  }
  reserve(most + 1);
  CachedRows rows{sequences, {}};
  for (const int64_t sequence : sequences) rows.filled.push_back(filled_[static_cast<size_t>(sequence)]);
  return rows;
}

void StackCache::advance(const std::vector<int64_t>& sequences) {
  for (const int64_t sequence : sequences) {
    ++filled_[static_cast<size_t>(sequence)];
    ++seen_[static_cast<size_t>(sequence)];
  }
}

}  // namespace aunet
