// (left id, right id) -> rank of the merge: the look-up in the middle of BPE encoding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace aunet {

/// Open addressing, at most half full.
class PairTable {
 public:
  static constexpr int32_t kNone = -1;
  void reserve(size_t n_pairs);
  void insert(int32_t left, int32_t right, int32_t rank);  ///< a pair that is there gets the new rank
  int32_t find(int32_t left, int32_t right) const {        ///< kNone when the two do not merge
    return slots_[slot_of(left, right)].rank;
  }

 private:
  struct Slot {
    int32_t left = -1, right = -1, rank = kNone;
  };
  size_t slot_of(int32_t left, int32_t right) const {
    const uint64_t key =
        static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
    size_t slot = (key * 0x9E3779B97F4A7C15u) >> shift_;  // Fibonacci hashing
    while (slots_[slot].left >= 0 && (slots_[slot].left != left || slots_[slot].right != right)) {
      slot = (slot + 1) & (slots_.size() - 1);
    }
    return slot;
  }
  std::vector<Slot> slots_;
  int shift_ = 64;
};

inline void PairTable::reserve(size_t n_pairs) {
  int bits = 4;
  while ((size_t{1} << bits) < 2 * n_pairs) ++bits;
  slots_.assign(size_t{1} << bits, {});
  shift_ = 64 - bits;
}

inline void PairTable::insert(int32_t left, int32_t right, int32_t rank) {
  slots_[slot_of(left, right)] = {left, right, rank};
}

}  // namespace aunet
