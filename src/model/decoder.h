// Generation, one id at a time: what a model keeps of several sequences so that the next id costs only its
// own rows. Which id comes next is not decided here (eval/generate.h).
#pragma once

#include "data/batch.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace aunet {

/// The beginning of a sequence: ids with marks, and for AU-Net the level of each (its first is taken as the
/// deepest, as pack() does).
struct Prefix {
  std::vector<int32_t> ids, levels;
};

/// One more id of one sequence.
struct NextId {
  int64_t sequence = 0;
  int32_t id = 0, level = 0;  // the level wakes stages 1 .. level + 1; transformers do not look at it
};

/// Logits are those that the whole model gives for the same ids and levels, but for the order of sums. The
/// number of rows of a call changes only that order.
class Decoder {
 public:
  virtual ~Decoder() = default;
  /// Begins all sequences anew, none empty, in one packed forward. [B, V] logits of the id after each.
  virtual at::Tensor prefill(const std::vector<Prefix>& prefixes) = 0;
  /// Goes on with some sequences, none twice. [n, V]: row i has the logits of the id after next[i].
  virtual at::Tensor step(const std::vector<NextId>& next) = 0;
  /// Rows that each stage has run in steps since the last prefill. [K]
  const std::vector<int64_t>& rows_stepped() const { return rows_stepped_; }

 protected:
  std::vector<int64_t> rows_stepped_;
};

/// The prefixes as one packed batch (its targets mean nothing).
Batch pack_prefixes(const std::vector<Prefix>& prefixes, const ModelConfig& model);
/// [B] int64: the last row of each sequence.
at::Tensor last_rows(const std::vector<int32_t>& cu_rows, const at::Device& device);

}  // namespace aunet
