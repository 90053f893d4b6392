#include "model/decoder.h"

#include <ATen/ATen.h>

namespace aunet {

Batch pack_prefixes(const std::vector<Prefix>& prefixes, const ModelConfig& model) {
  std::vector<Sequence> sequences;
  for (const Prefix& prefix : prefixes)
    sequences.push_back({prefix.ids, prefix.ids, prefix.levels, prefix.levels, 0});
  return pack(sequences, model);
}

at::Tensor last_rows(const std::vector<int32_t>& cu_rows, const at::Device& device) {
  std::vector<int64_t> rows;
  for (size_t b = 1; b < cu_rows.size(); ++b) rows.push_back(cu_rows[b] - 1);
  return at::tensor(rows, at::kLong).to(device);
}

}  // namespace aunet
