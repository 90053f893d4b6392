#include "baselines/bpe.h"

#include "baselines/rank_file.h"
#include "baselines/tokenizer_file.h"
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
  struct alignas(64) Slot {
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

Bpe::Bpe(BpeParts parts) : parts_(std::move(parts)), pretokenizer_(parts_.pattern), serial_(g_next_serial++) {
  if (!parts_.texts.empty())
    parts_.tokens.resize(
        std::max(parts_.tokens.size(), static_cast<size_t>(parts_.texts.rbegin()->first) + 1));
  published_ = published_specials(parts_.pattern.name, parts_.tokens.size());
  id_of_ = TokenIds(parts_.tokens);
  for (int byte = 0; byte < 256; ++byte) {
    byte_id_[byte] = id_of_.find(std::string(1, static_cast<char>(byte)));
    if (byte_id_[byte] == TokenIds::kNone)
      throw Error(fmt::format("tokenizer: expected a token for every byte, got none for 0x{:02x}", byte));
  }
  if (!parts_.merges) {
    const auto cuts = all_cuts(parts_.tokens, id_of_);
    pairs_.reserve(cuts.size());
    for (const BpeMerge& cut : cuts) pairs_.insert(cut.left, cut.right, cut.joined);
    return;
  }
  pairs_.reserve(parts_.merges->size());
  for (const BpeMerge& merge : *parts_.merges) {
    pairs_.insert(merge.left, merge.right, static_cast<int32_t>(joined_.size()));
    joined_.push_back(merge.joined);
  }
}

Bpe::Bpe(std::vector<std::string> tokens, const std::string& pattern_name)
    : Bpe(BpeParts{std::move(tokens), {}, std::nullopt, true, {pattern_name, bpe_pattern(pattern_name)}}) {}

Bpe Bpe::load(const std::string& path, const std::string& pattern_name) {
  BpeParts parts = read_tokenizer(path, pattern_name);
  try {
    return Bpe(std::move(parts));
  } catch (const Error& e) {
    throw Error(fmt::format("{}: {}", path, e.what()));
  }
}

void Bpe::save(const std::string& path) const {
  BpeParts whole = parts_;
  if (path.ends_with(".json")) whole.texts.insert(published_.begin(), published_.end());
  write_file_atomic(path, tokenizer_text(whole, path));
}

std::string Bpe::fingerprint() const {
  std::string all = rank_file_text(parts_.tokens) + parts_.pattern.regex;
  for (const auto& [id, text] : parts_.texts) all += fmt::format("\ntext {} {}", id, text);
  if (!parts_.whole_pieces) all += "\nmerges only";
  if (parts_.merges) {
    all += "\nmerges";
    for (const BpeMerge& merge : *parts_.merges) all += fmt::format("\n{} {}", merge.left, merge.right);
  }
  return hash_hex(all);
}

std::string Bpe::text(int32_t id) const {
  if (id < 0 || id >= begin_id()) return "";
  const auto special = parts_.texts.find(id);
  return special == parts_.texts.end() ? token(id) : special->second;
}

int64_t Bpe::n_bytes(int32_t id) const {
  if (id < 0 || id >= begin_id()) return 0;
  return token(id).empty() ? static_cast<int64_t>(text(id).size()) : static_cast<int64_t>(token(id).size());
}

std::string Bpe::decode(const std::vector<int32_t>& ids, const std::string& where) const {
  const auto last = static_cast<int64_t>(published_.empty() ? 0 : published_.rbegin()->first);
  std::string all;
  for (const int32_t id : ids) {
    if (id < 0 || id > std::max(last, vocab_size() - 1))
      throw ConfigError(
          fmt::format("{}: expected 0 to {}, got {}", where, std::max(last, vocab_size() - 1), id));
    if (const auto special = published_.find(id); special != published_.end()) {
      all += special->second;
      continue;
    }
    const size_t before = all.size();
    if (id < begin_id()) all += token(id).empty() ? text(id) : token(id);
    if (all.size() == before && id != begin_id() && id != end_id())
      throw ConfigError(fmt::format("{}: expected the id of a token, got {}, which is unused", where, id));
  }
  return all;
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
  pretokenizer_.for_each_piece(text, [&](std::string_view piece) {
    if (piece.size() > PieceCache::kMaxBytes) {
      encode_piece(piece, ids);
      return;
    }
    const auto key = PieceCache::key_of(piece);
    auto& slot = cache.slot_of(key);
    if (slot.n_bytes == piece.size() && slot.key == key) {
      for (int i = 0; i < slot.n_ids; ++i) ids.push_back(slot.ids[i]);
      return;
    }
    const auto first = static_cast<int64_t>(ids.size());
    encode_piece(piece, ids);
    const size_t n_ids = ids.size() - static_cast<size_t>(first);
    if (n_ids > PieceCache::kMaxIds) return;
    slot.key = key;
    slot.n_bytes = static_cast<uint16_t>(piece.size());
    slot.n_ids = static_cast<uint16_t>(n_ids);
    std::copy(ids.begin() + first, ids.end(), slot.ids);
  });
}

void Bpe::encode_piece(std::string_view piece, std::vector<int32_t>& ids) const {
  thread_local std::vector<int32_t> parts;
  if (parts_.whole_pieces) {
    if (const int32_t whole = id_of_.find(piece); whole != TokenIds::kNone) {
      ids.push_back(whole);
      return;
    }
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
  int32_t ranks[kShortPiece];  // ranks[i]: of parts i and i + 1, kNone when they do not merge
  size_t n = parts.size();
  const auto rank_at = [&](size_t i) {
    const int32_t rank = pairs_.find(parts[i], parts[i + 1]);
    return rank < 0 ? kNone : rank;
  };
  for (size_t i = 0; i + 1 < n; ++i) ranks[i] = rank_at(i);
  while (n > 1) {
    const size_t best = std::min_element(ranks, ranks + n - 1) - ranks;  // the leftmost of equals
    if (ranks[best] == kNone) break;
    parts[best] = joined(ranks[best]);
    std::copy(parts.begin() + static_cast<int64_t>(best) + 2, parts.begin() + static_cast<int64_t>(n),
              parts.begin() + static_cast<int64_t>(best) + 1);
    std::copy(ranks + best + 1, ranks + n - 1, ranks + best);
    --n;
    if (best + 1 < n) ranks[best] = rank_at(best);
    if (best > 0) ranks[best - 1] = rank_at(best - 1);
  }
  parts.resize(n);
}

void Bpe::merge_long(std::vector<int32_t>& parts) const {
  struct Candidate {
    int32_t rank;
    int32_t left;
    bool operator>(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : left > other.left;
    }
  };
  const auto n = static_cast<int32_t>(parts.size());
  std::vector<int32_t> next(n), previous(n);
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> heap;
  const auto offer = [&](int32_t left) {
    if (left < 0 || next[left] >= n) return;
    const int32_t rank = pairs_.find(parts[left], parts[next[left]]);
    if (rank >= 0) heap.push({rank, left});
  };
  for (int32_t i = 0; i < n; ++i) {
    next[i] = i + 1;
    previous[i] = i - 1;
  }
  for (int32_t i = 0; i < n; ++i) offer(i);
  while (!heap.empty()) {
    const auto [rank, left] = heap.top();
    heap.pop();
    // stale unless both parts are still there and still merge with that rank
    if (parts[left] < 0 || next[left] >= n || pairs_.find(parts[left], parts[next[left]]) != rank) continue;
    const int32_t right = next[left];
    parts[left] = joined(rank);
    parts[right] = -1;
    next[left] = next[right];
    if (next[left] < n) previous[next[left]] = left;
    offer(previous[left]);
    offer(left);
  }
  parts.erase(std::remove(parts.begin(), parts.end(), -1), parts.end());
}

}  // namespace aunet
