// The only parameter counter in the house; a test holds it against instantiated modules.
#pragma once

#include <cstdint>

#include "config/model_config.h"

namespace aunet {

/// total = embedding + head + blocks + transitions + unit heads + norms outside blocks + level head.
struct ParamCount {
  int64_t total = 0;
  int64_t embedding = 0;      // token embedding (and untied head): rows x width each
  int64_t non_embedding = 0;  // total - embedding - head - unit heads
  int64_t active = 0;  // touched per unit of input, at inference: total - embedding table + one row (tied:
                       // the whole table, as head) - unit heads
  int64_t blocks = 0, transitions = 0, head = 0;
  int64_t unit_heads = 0;  // of multi-scale prediction: training only
};

/// AU-Net: sum_k n_k (2 d_k^2 + 2 d_k e_k + 3 d_k f_k + 2 d_k) + transitions + 2 V d_1 + d_1, n_k = 2
/// layers_k except the trunk, e_k the width of keys (d_k without grouped queries); tied: V d_1 once. A level
/// head adds K 2 d_1 + 2 d_1, a unit head of stage k d_k + reach V d_k. A transition adds, with f = d_k and c
/// = d_{k+1}:
///   down        f + f c (norm, W_down); cross_attention f + 4 f^2 more (norm; queries, keys, values, output)
///   up          c + f c (norm, W_up); indexed_matmul 16 f c more, repeat 16 c more
///   skip concat 2 f^2
///   non_param   nothing
/// Source: paper.md 1.1 (18 f c + f + c for the default) and the official modules, whose counts a test holds
/// the four official pooling types against; the others are ours (model/transition.h).
ParamCount count_params(const ModelConfig& model);

}  // namespace aunet
