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

std::string_view MemoryBlock::piece(int64_t i, int64_t begin, int64_t end) const {
  return std::string_view(bytes_).substr(static_cast<size_t>(offset(i) + begin),
                                         static_cast<size_t>(end - begin));
}

}  // namespace aunet
