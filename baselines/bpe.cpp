#include "baselines/bpe.h"

#include "baselines/rank_file.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "data/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
#include <queue>

namespace aunet {
namespace {

constexpr int32_t kNone = std::numeric_limits<int32_t>::max();
constexpr size_t kShortPiece = 64;  // below, a scan for the lowest rank beats a heap

/// Ids of recently seen pieces: direct-mapped, one cache line each. Most pieces of a text are frequent words.
struct PieceCache {
  static constexpr size_t kMaxBytes = 24, kMaxIds = 9,
                          kSlots = size_t{1} << 14;  // 1 MiB: stays in the L2 cache
  using Key = std::array<uint64_t, kMaxBytes / 8>;   // the bytes of a piece, then zeros
  struct Slot {
    Key key{};
    uint16_t n_bytes = 0, n_ids = 0;
    int32_t ids[kMaxIds] = {};
  };
  uint64_t owner = 0;
  std::vector<Slot> slots;
  static Key key_of(std::string_view piece) {
    Key key{};
    std::memcpy(key.data(), piece.data(), piece.size());
    return key;
  }
  Slot& slot_of(const Key& key) {
    uint64_t hash = 0;
    for (const uint64_t word : key) {
      hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
      hash ^= hash >> 32;
    }
    return slots[hash & (kSlots - 1)];
  }
};

PieceCache& piece_cache(uint64_t owner) {
  thread_local PieceCache cache;
  if (cache.owner != owner) {
    cache.owner = owner;
    cache.slots.assign(PieceCache::kSlots, {});
  }
  return cache;
}

std::atomic<uint64_t> g_next_serial{1};

}  // namespace

size_t PairTable::slot_of(int32_t left, int32_t right) const {
  const uint64_t key =
      static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  size_t slot = (key * 0x9E3779B97F4A7C15u) >> shift_;  // Fibonacci hashing
  while (slots_[slot].left >= 0 && (slots_[slot].left != left || slots_[slot].right != right)) {
    slot = (slot + 1) & (slots_.size() - 1);
  }
  return slot;
}

void PairTable::reserve(size_t n_pairs) {
  int bits = 4;
  while ((size_t{1} << bits) < 2 * n_pairs) ++bits;
  slots_.assign(size_t{1} << bits, {});
  shift_ = 64 - bits;
}

void PairTable::insert(int32_t left, int32_t right, int32_t joined) {
  slots_[slot_of(left, right)] = {left, right, joined};
}

int32_t PairTable::find(int32_t left, int32_t right) const { return slots_[slot_of(left, right)].joined; }

Bpe::Bpe(std::vector<std::string> tokens, const std::string& pattern_name)
    : tokens_(std::move(tokens)),
      pattern_name_(pattern_name),
      pattern_(bpe_pattern(pattern_name), pattern_name),
      serial_(g_next_serial++) {
  id_of_.reserve(tokens_.size());
  for (size_t id = 0; id < tokens_.size(); ++id) {
    if (tokens_[id].empty()) continue;
    if (!id_of_.emplace(tokens_[id], static_cast<int32_t>(id)).second) {
      throw Error(fmt::format("tokenizer: token {} occurs twice", id));
    }
  }
  for (int byte = 0; byte < 256; ++byte) {
    const auto found = id_of_.find(std::string(1, static_cast<char>(byte)));
    if (found == id_of_.end())
      throw Error(fmt::format("tokenizer: expected a token for every byte, got none for 0x{:02x}", byte));
    byte_id_[byte] = found->second;
  }
  struct Pair {
    int32_t left, right, joined;
  };
  std::vector<Pair> pairs;
  for (size_t id = 0; id < tokens_.size(); ++id) {
    for (size_t cut = 1; cut < tokens_[id].size(); ++cut) {
      const auto left = id_of_.find(tokens_[id].substr(0, cut));
      if (left == id_of_.end()) continue;
      const auto right = id_of_.find(tokens_[id].substr(cut));
      if (right != id_of_.end()) pairs.push_back({left->second, right->second, static_cast<int32_t>(id)});
    }
  }
  pairs_.reserve(pairs.size());
  for (const auto& pair : pairs) pairs_.insert(pair.left, pair.right, pair.joined);
}

Bpe Bpe::load(const std::string& path, const std::string& pattern_name) {
  auto tokens = read_rank_file(path);
  try {
    return Bpe(std::move(tokens), pattern_name);
  } catch (const Error& e) {
    throw Error(fmt::format("{}: {}", path, e.what()));
  }
}

void Bpe::save(const std::string& path) const { write_file_atomic(path, rank_file_text(tokens_)); }

std::string Bpe::fingerprint() const {
  return hash_hex(rank_file_text(tokens_) + bpe_pattern(pattern_name_));
}

std::string Bpe::text(int32_t id) const {
  return static_cast<size_t>(id) < tokens_.size() ? tokens_[id] : std::string();
}

int64_t Bpe::n_bytes(int32_t id) const {
  return static_cast<size_t>(id) < tokens_.size() ? static_cast<int64_t>(tokens_[id].size()) : 0;
}

std::string Bpe::decode(const std::vector<int32_t>& ids) const {
  std::string text;
  for (const int32_t id : ids) {
    if (id < 0 || id >= vocab_size())
      throw ConfigError(fmt::format("id: expected 0 to {}, got {}", vocab_size() - 1, id));
    if (id < begin_id()) text += tokens_[id];
  }
  return text;
}

void Bpe::encode(std::string_view text, std::vector<int32_t>& ids) const {
  while (!text.empty()) {
    const size_t invalid = std::min(find_invalid_utf8(text), text.size());
    encode_valid(text.substr(0, invalid), ids);
    if (invalid == text.size()) return;
    ids.push_back(byte_id_[static_cast<uint8_t>(text[invalid])]);
    text.remove_prefix(invalid + 1);
  }
}

void Bpe::encode_valid(std::string_view text, std::vector<int32_t>& ids) const {
  auto& cache = piece_cache(serial_);
  for (RegexMatcher match(pattern_, text); match.next();) {
    const auto piece = text.substr(match.begin(), match.end() - match.begin());
    if (piece.size() > PieceCache::kMaxBytes) {
      encode_piece(piece, ids);
      continue;
    }
    const auto key = PieceCache::key_of(piece);
    auto& slot = cache.slot_of(key);
    if (slot.n_bytes == piece.size() && slot.key == key) {
      for (int i = 0; i < slot.n_ids; ++i) ids.push_back(slot.ids[i]);
      continue;
    }
    const auto first = static_cast<int64_t>(ids.size());
    encode_piece(piece, ids);
    const size_t n_ids = ids.size() - static_cast<size_t>(first);
    if (n_ids > PieceCache::kMaxIds) continue;
    slot.key = key;
    slot.n_bytes = static_cast<uint16_t>(piece.size());
    slot.n_ids = static_cast<uint16_t>(n_ids);
    std::copy(ids.begin() + first, ids.end(), slot.ids);
  }
}

/// A piece that is a token is that token, whatever the merges would give (as tiktoken does).
void Bpe::encode_piece(std::string_view piece, std::vector<int32_t>& ids) const {
  thread_local std::string key;
  thread_local std::vector<int32_t> parts;
  key.assign(piece);
  if (const auto whole = id_of_.find(key); whole != id_of_.end()) {
    ids.push_back(whole->second);
    return;
  }
  parts.clear();
  for (const char c : piece) parts.push_back(byte_id_[static_cast<uint8_t>(c)]);
  if (parts.size() < kShortPiece) {
    merge_short(parts);
  } else {
    merge_long(parts);
  }
  ids.insert(ids.end(), parts.begin(), parts.end());
}

void Bpe::merge_short(std::vector<int32_t>& parts) const {
  int32_t joined[kShortPiece];  // joined[i]: token of parts i and i + 1, kNone when there is none
  size_t n = parts.size();
  const auto join = [&](size_t i) {
    const int32_t id = pairs_.find(parts[i], parts[i + 1]);
    return id < 0 ? kNone : id;
  };
  for (size_t i = 0; i + 1 < n; ++i) joined[i] = join(i);
  while (n > 1) {
    const size_t best = std::min_element(joined, joined + n - 1) - joined;  // the leftmost of equals
    if (joined[best] == kNone) break;
    parts[best] = joined[best];
    std::copy(parts.begin() + static_cast<int64_t>(best) + 2, parts.begin() + static_cast<int64_t>(n),
              parts.begin() + static_cast<int64_t>(best) + 1);
    std::copy(joined + best + 1, joined + n - 1, joined + best);
    --n;
    if (best + 1 < n) joined[best] = join(best);
    if (best > 0) joined[best - 1] = join(best - 1);
  }
  parts.resize(n);
}

void Bpe::merge_long(std::vector<int32_t>& parts) const {
  struct Candidate {
    int32_t joined;
    int32_t left;
    bool operator>(const Candidate& other) const {
      return joined != other.joined ? joined > other.joined : left > other.left;
    }
  };
  const auto n = static_cast<int32_t>(parts.size());
  std::vector<int32_t> next(n), previous(n);
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> heap;
  const auto offer = [&](int32_t left) {
    if (left < 0 || next[left] >= n) return;
    const int32_t joined = pairs_.find(parts[left], parts[next[left]]);
    if (joined >= 0) heap.push({joined, left});
  };
  for (int32_t i = 0; i < n; ++i) {
    next[i] = i + 1;
    previous[i] = i - 1;
  }
  for (int32_t i = 0; i < n; ++i) offer(i);
  while (!heap.empty()) {
    const auto [joined, left] = heap.top();
    heap.pop();
    // stale unless both parts are still there and still join to the same token
    if (parts[left] < 0 || next[left] >= n || pairs_.find(parts[left], parts[next[left]]) != joined) continue;
    const int32_t right = next[left];
    parts[left] = joined;
    parts[right] = -1;
    next[left] = next[right];
    if (next[left] < n) previous[next[left]] = left;
    offer(previous[left]);
    offer(left);
  }
  parts.erase(std::remove(parts.begin(), parts.end(), -1), parts.end());
}

}  // namespace aunet
