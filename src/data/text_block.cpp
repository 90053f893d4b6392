#include "data/text_block.h"

#include "core/hash.h"

namespace aunet {

void MemoryBlock::add(std::string_view text) {
  bytes_ += text;
  end_document();
}

void MemoryBlock::end_document() {
  const auto begin = static_cast<size_t>(offsets_.back());
  hashes_.push_back(hash_u64(std::string_view(bytes_).substr(begin)));
  offsets_.push_back(static_cast<int64_t>(bytes_.size()));
}

std::string_view MemoryBlock::text(int64_t i) const {
  return std::string_view(bytes_).substr(static_cast<size_t>(offset(i)),
                                         static_cast<size_t>(offset(i + 1) - offset(i)));
}

}  // namespace aunet
