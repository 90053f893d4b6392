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

/// What the blocks of one stack keep of B sequences, so that a sequence goes on one row at a time: keys and
/// values of the rows that a later one can see. Filled and used by Stack alone.
class StackCache {
 public:
  /// Empty; keeps window - 1 rows of a sequence (all of them without a window) and some slack, so that old
  /// rows are dropped in one move now and then and the rest stays in order.
  StackCache(const StackConfig& config, int64_t n_sequences, const at::TensorOptions& options);
  /// Rows of a sequence so far: the position of its next one.
  int64_t rows_seen(int64_t sequence) const { return seen_[static_cast<size_t>(sequence)]; }

 private:
  friend class Stack;
  /// All sequences begin anew with packed rows; then what they leave in each block (AttentionSaved::qkv).
  void start(const std::vector<int32_t>& cu_rows);
  void fill(size_t layer, const at::Tensor& qkv, const std::vector<int32_t>& cu_rows);
  /// Where the next rows of `sequences` go, after making room for them.
  CachedRows next(const std::vector<int64_t>& sequences);
  void advance(const std::vector<int64_t>& sequences);
  void reserve(int64_t rows);
  void drop_old(int64_t sequence);

  int64_t width_, kept_, limit_;        // of a row; rows kept and room when there is a window, else -1
  std::vector<at::Tensor> layers_;      // per block [B, C, 2 Hkv D]
  std::vector<int64_t> filled_, seen_;  // [B]
};

/// n_layers blocks: x + attention half, then + feed-forward half. Two autograd nodes a block.
/// Source: paper.md 1.1 (pre-norm, no biases, no final norm)
class Stack {
 public:
  /// Declares the weights in `store` under `prefix` ("trunk.layers" -> "trunk.layers.0.attention.wq.weight",
  /// ...).
  Stack(const StackConfig& config, const std::string& prefix, ParameterStore& store);
  /// [R, d] -> [R, d]. With `cache` (whose sequences are those of `rows`, all new; no gradient) step() can go
  /// on from here.
  at::Tensor forward(at::Tensor x, const StackRows& rows, StackCache* cache = nullptr) const;
  /// [R, d] -> [R, d]: row i is the next row of sequences[i], no sequence twice. What forward gives for the
  /// same rows, but for the order of sums. No gradient.
  at::Tensor step(at::Tensor x, const std::vector<int64_t>& sequences, StackCache& cache) const;
  const StackConfig& config() const { return config_; }

 private:
  struct Block {
    Parameter *attention_norm, *wqkv, *wo, *ffn_norm, *w13, *w2;
  };
  AttentionShape shape_of(const at::Tensor& x, const at::Tensor& positions, int64_t longest) const;
  StackConfig config_;
  std::vector<Block> blocks_;
};

}  // namespace aunet
