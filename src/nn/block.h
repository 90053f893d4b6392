// A run of pre-norm transformer blocks at one resolution, on packed rows.
#pragma once

#include "nn/kernels/attention.h"
#include "nn/kernels/feed_forward.h"
#include "nn/parameters.h"

namespace aunet {

struct StackConfig {
  int64_t dim = 0, n_layers = 0, head_dim = 0, kv_heads = 0;  // kv_heads 0: as many as heads
  int64_t hidden = 0;                                         // SwiGLU width f
  int64_t window = 0;                                         // keys a query sees; 0: all before it
  double rope_theta = 5e5, norm_eps = 1e-5;
};

/// Rows of one stage.
struct StackRows {
  const std::vector<int32_t>* cu_rows = nullptr;  // [B+1] on the host
  at::Tensor cu_rows_device, positions;           // [B+1], [R] int32
};

/// n_layers blocks: x + attention half, then + feed-forward half. Two autograd nodes a block.
/// Source: paper.md 1.1 (pre-norm, no biases, no final norm)
class Stack {
 public:
  /// Declares the weights in `store` under `prefix` ("trunk.layers" -> "trunk.layers.0.attention.wq.weight",
  /// ...).
  Stack(const StackConfig& config, const std::string& prefix, ParameterStore& store);
  /// [R, d] -> [R, d].
  at::Tensor forward(at::Tensor x, const StackRows& rows) const;
  const StackConfig& config() const { return config_; }

 private:
  struct Block {
    Parameter *attention_norm, *wqkv, *wo, *ffn_norm, *w13, *w2;
  };
  StackConfig config_;
  std::vector<Block> blocks_;
};

}  // namespace aunet
