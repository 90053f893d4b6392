// The only parameter counter in the house; a test holds it against instantiated modules.
#pragma once

#include <cstdint>

#include "config/model_config.h"

namespace aunet {

/// total = embedding + head + blocks + transitions + norms outside blocks + level head.
struct ParamCount {
  int64_t total = 0;
  int64_t embedding = 0;      // token embedding (and untied head): rows x width each
  int64_t non_embedding = 0;  // total - embedding - head
  int64_t active = 0;         // touched per unit of input: total - embedding table + one row; head counted
  int64_t blocks = 0, transitions = 0, head = 0;
};

/// AU-Net: sum_k n_k (4 d_k^2 + 3 d_k f_k + 2 d_k) + sum_transitions (18 d_k d_{k+1} + d_k + d_{k+1}) + 2 V
/// d_1
/// + d_1, n_k = 2 layers_k except the trunk (paper.md 1.1); a level head adds K 2 d_1 + 2 d_1. Transitions of
/// other pooling types: repeat 2 d_k d_{k+1} + 16 d_{k+1} + norms, scatter 2 d_k d_{k+1} + norms, non_param
/// none (the official modules; a test holds all four against official counts).
ParamCount count_params(const ModelConfig& model);

}  // namespace aunet
