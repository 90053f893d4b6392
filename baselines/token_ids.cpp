#include "baselines/token_ids.h"

#include "core/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace aunet {

TokenIds::TokenIds(const std::vector<std::string>& tokens) : tokens_(tokens.data()) {
  // by tokens, not by ids: one large id in a broken file is no reason for a large table
  const auto n_tokens = std::count_if(tokens.begin(), tokens.end(), [](const auto& t) { return !t.empty(); });
  slots_.resize(std::bit_ceil(2 * static_cast<size_t>(n_tokens) + 2));
  mask_ = slots_.size() - 1;
  for (size_t id = 0; id < tokens.size(); ++id) {
    if (tokens[id].empty()) continue;
    const uint64_t hash = hash_bytes(tokens[id]);
    size_t at = hash & mask_;
    for (; slots_[at].id != kNone; at = (at + 1) & mask_) {
      if (slots_[at].tag == tag_of(hash) && tokens[slots_[at].id] == tokens[id])
        throw Error(fmt::format("tokenizer: token {} occurs twice", id));
    }
    slots_[at] = {tag_of(hash), static_cast<int32_t>(id)};
  }
}

}  // namespace aunet
