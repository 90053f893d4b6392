// Ids by bytes: the look-up of whole pieces in BPE encoding, and the hash that tables of pieces use.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace aunet {

/// Fast, for tables in memory only: neither the same on every machine nor safe from an adversary, who could
/// slow a table down but not make it wrong.
inline uint64_t hash_bytes(std::string_view bytes) {
  uint64_t hash = bytes.size();
  const auto mix = [&](const char* from, size_t n) {
    uint64_t word = 0;
    std::memcpy(&word, from, n);
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
  };
  size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) mix(bytes.data() + i, 8);
  if (i < bytes.size()) mix(bytes.data() + i, bytes.size() - i);
  return hash;
}

/// Open addressing, at most half full, two slots to 16 bytes: most look-ups touch one line of it and one
/// token.
class TokenIds {
 public:
  static constexpr int32_t kNone = -1;
  TokenIds() = default;
  /// `tokens` by id, "" has none; it outlives the table and does not move. Throws Error when one occurs
  /// twice.
  explicit TokenIds(const std::vector<std::string>& tokens);

  int32_t find(std::string_view bytes) const {  ///< kNone when the bytes are no token
    const uint64_t hash = hash_bytes(bytes);
    for (size_t at = hash & mask_; slots_[at].id != kNone; at = (at + 1) & mask_) {
      if (slots_[at].tag == tag_of(hash) && tokens_[slots_[at].id] == bytes) return slots_[at].id;
    }
    return kNone;
  }

 private:
  struct Slot {
    uint32_t tag = 0;
    int32_t id = kNone;
  };
  static uint32_t tag_of(uint64_t hash) { return static_cast<uint32_t>(hash >> 32); }
  std::vector<Slot> slots_ = std::vector<Slot>(1);
  size_t mask_ = 0;
  const std::string* tokens_ = nullptr;  // the array, which stays where it is when its vector is moved
};

}  // namespace aunet
