#include "baselines/bpe.h"
#include "baselines/byte_alphabet.h"
#include "baselines/piece_counts.h"
#include "core/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <queue>

namespace aunet {
namespace {

/// A pair as one word that compares as (left, right) does.
using Pair = uint64_t;
Pair pair_of(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}
int32_t left_of(Pair pair) { return static_cast<int32_t>(pair >> 32); }
int32_t right_of(Pair pair) { return static_cast<int32_t>(pair & 0xFFFFFFFFu); }
constexpr Pair kNoPair = ~Pair{0};

/// Index of every pair that was ever counted. Open addressing, at most half full; nothing is taken out.
class PairIndex {
 public:
  PairIndex() : slots_(size_t{1} << 16) {}
  /// The index of `pair`; a new one gets `next`.
  uint32_t find_or_add(Pair pair, uint32_t next) {
    if (2 * n_used_ >= slots_.size()) grow();
    Slot& slot = slots_[slot_of(pair)];
    if (slot.pair == kNoPair) {
      slot = {pair, next};
      ++n_used_;
    }
    return slot.index;
  }
  /// The index of a pair that is there.
  uint32_t find(Pair pair) const { return slots_[slot_of(pair)].index; }

 private:
  struct Slot {
    Pair pair = kNoPair;
    uint32_t index = 0;
  };
  size_t slot_of(Pair pair) const {
    size_t at = (pair * 0x9E3779B97F4A7C15u) >> 20 & (slots_.size() - 1);
    while (slots_[at].pair != kNoPair && slots_[at].pair != pair) at = (at + 1) & (slots_.size() - 1);
    return at;
  }
  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old)
      if (slot.pair != kNoPair) slots_[slot_of(slot.pair)] = slot;
  }
  std::vector<Slot> slots_;
  size_t n_used_ = 0;
};

/// Counts of neighbour pairs, kept up to date where pieces are merged.
///
/// A pair's count only falls once it is complete, because a merge makes pairs with its own new token only. So
/// a heap with one entry a pair is enough: an entry that is out of date is too high, and goes back with the
/// count of today.
class Merger {
 public:
  Merger(const std::vector<std::pair<std::string_view, int64_t>>& pieces,
         const std::array<int32_t, 256>& byte_id) {
    for (const auto& [bytes, count] : pieces) {
      const auto piece = static_cast<uint32_t>(pieces_.size());
      pieces_.push_back({symbols_.size(), static_cast<uint32_t>(bytes.size()), count});
      for (const char byte : bytes) symbols_.push_back(byte_id[static_cast<uint8_t>(byte)]);
      const int32_t* symbols = symbols_.data() + pieces_.back().begin;
      for (size_t i = 0; i + 1 < bytes.size(); ++i) add(symbols[i], symbols[i + 1], count, piece);
    }
    offer(0);
  }

  /// The most frequent pair, of equals the smallest; kNoPair when none is left.
  Pair best() {
    while (!heap_.empty()) {
      const Candidate top = heap_.top();
      const int64_t count = entries_[pairs_.find(top.pair)].count;
      if (count == top.count) return top.pair;
      heap_.pop();
      if (count > 0) heap_.push({count, top.pair});
    }
    return kNoPair;
  }

  void merge(Pair pair, int32_t joined) {
    const uint32_t index = pairs_.find(pair);
    const auto where = std::move(entries_[index].pieces);
    const size_t first_new = entries_.size();
    for (const uint32_t piece : where) merge_in(piece, left_of(pair), right_of(pair), joined);
    entries_[index] = {0, pair, {}};
    offer(first_new);
  }

 private:
  struct Piece {
    size_t begin;  // in symbols_
    uint32_t n;
    int64_t count;
  };
  struct Entry {
    int64_t count = 0;
    Pair pair = kNoPair;
    std::vector<uint32_t> pieces{};  // where the pair was counted, each once; it may be gone from there
  };
  struct Candidate {
    int64_t count;
    Pair pair;
    bool operator<(const Candidate& other) const {
      return count != other.count ? count < other.count : pair > other.pair;
    }
  };

  void add(int32_t left, int32_t right, int64_t count, uint32_t piece) {
    const Pair pair = pair_of(left, right);
    const uint32_t index = pairs_.find_or_add(pair, static_cast<uint32_t>(entries_.size()));
    if (index == entries_.size()) entries_.push_back({0, pair, {}});
    Entry& entry = entries_[index];
    entry.count += count;
    if (entry.pieces.empty() || entry.pieces.back() != piece) entry.pieces.push_back(piece);
  }

  void subtract(int32_t left, int32_t right, int64_t count) {
    entries_[pairs_.find(pair_of(left, right))].count -= count;
  }

  void merge_in(uint32_t index, int32_t left, int32_t right, int32_t joined) {
    Piece& piece = pieces_[index];
    int32_t* symbols = symbols_.data() + piece.begin;
    uint32_t to = 0;
    for (uint32_t from = 0; from < piece.n; ++from, ++to) {
      if (symbols[from] != left || from + 1 == piece.n || symbols[from + 1] != right) {
        symbols[to] = symbols[from];
        continue;
      }
      if (to > 0) {
        subtract(symbols[to - 1], left, piece.count);
        add(symbols[to - 1], joined, piece.count, index);
      }
      if (from + 2 < piece.n) {
        subtract(right, symbols[from + 2], piece.count);
        add(joined, symbols[from + 2], piece.count, index);
      }
      symbols[to] = joined;
      ++from;
    }
    piece.n = to;
  }

  void offer(size_t first) {
    for (size_t i = first; i < entries_.size(); ++i)
      if (entries_[i].count > 0) heap_.push({entries_[i].count, entries_[i].pair});
  }

  std::vector<int32_t> symbols_;  // of all pieces, one after the other
  std::vector<Piece> pieces_;
  PairIndex pairs_;
  std::vector<Entry> entries_;
  std::priority_queue<Candidate> heap_;
};

}  // namespace

Bpe Bpe::train(const std::vector<std::string_view>& texts, int64_t vocab, const std::string& pattern_name,
               const BpeTraining& training) {
  if (vocab < 256) throw ConfigError(fmt::format("vocab: expected at least 256 (the bytes), got {}", vocab));
  const Pretokenizer pretokenizer({pattern_name, bpe_pattern(pattern_name)});
  std::array<int32_t, 256> byte_id{};
  std::vector<std::string> tokens;
  for (int32_t id = 0; id < 256; ++id) {
    const uint8_t byte =
        training.gpt2_byte_order ? bytes_by_letter()[static_cast<size_t>(id)] : static_cast<uint8_t>(id);
    byte_id[byte] = id;
    tokens.emplace_back(1, static_cast<char>(byte));
  }
  Merger merger(count_pieces(texts, pretokenizer, training.threads), byte_id);
  while (static_cast<int64_t>(tokens.size()) < vocab) {
    const Pair pair = merger.best();
    if (pair == kNoPair) {
      throw ConfigError(
          fmt::format("vocab: expected at most {}, which uses up the pairs of the training texts, got {}",
                      tokens.size(), vocab));
    }
    tokens.push_back(tokens[static_cast<size_t>(left_of(pair))] +
                     tokens[static_cast<size_t>(right_of(pair))]);
    merger.merge(pair, static_cast<int32_t>(tokens.size()) - 1);
  }
  return Bpe(std::move(tokens), pattern_name);
}

}  // namespace aunet
