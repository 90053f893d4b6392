#include "baselines/bpe.h"

#include "core/error.h"
#include "data/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <queue>

namespace aunet {
namespace {

using Pair = std::pair<int32_t, int32_t>;

struct PairHash {
  size_t operator()(const Pair& pair) const {
    return (static_cast<uint64_t>(static_cast<uint32_t>(pair.first)) << 32 |
            static_cast<uint32_t>(pair.second)) *
               0x9E3779B97F4A7C15u >>
           16;
  }
};

struct Piece {
  std::vector<int32_t> parts;
  int64_t count = 0;
};

/// Distinct pieces of all texts with their counts, in byte order: nothing below depends on the order of a
/// hash table.
std::vector<Piece> count_pieces(const std::vector<std::string_view>& texts, const Regex& pattern) {
  std::unordered_map<std::string_view, int64_t> counts;
  for (auto text : texts) {
    while (!text.empty()) {  // a byte that is no part of valid UTF-8 is a piece of its own and has no pairs
      const size_t invalid = std::min(find_invalid_utf8(text), text.size());
      const auto valid = text.substr(0, invalid);
      for (RegexMatcher match(pattern, valid); match.next();)
        ++counts[valid.substr(match.begin(), match.end() - match.begin())];
      text.remove_prefix(std::min(invalid + 1, text.size()));
    }
  }
  std::vector<std::pair<std::string_view, int64_t>> sorted(counts.begin(), counts.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<Piece> pieces;
  for (const auto& [bytes, count] : sorted) {
    Piece piece{{}, count};
    for (const char c : bytes) piece.parts.push_back(static_cast<uint8_t>(c));
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

/// Counts of neighbour pairs, kept up to date while pieces are merged.
class Trainer {
 public:
  explicit Trainer(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {
    for (size_t p = 0; p < pieces_.size(); ++p) add_pairs(p, kAll);
    for (const auto& [pair, entry] : pairs_) heap_.push({entry.count, pair});
    changed_.clear();
  }

  /// The most frequent pair; {-1, -1} when none is left.
  Pair best() {
    while (!heap_.empty()) {
      const auto [count, pair] = heap_.top();
      const auto entry = pairs_.find(pair);
      if (count > 0 && entry != pairs_.end() && entry->second.count == count) return pair;
      heap_.pop();  // stale: the pair was pushed again when its count changed
    }
    return {-1, -1};
  }

  void merge(Pair pair, int32_t joined) {
    auto where = std::move(pairs_[pair].pieces);
    std::sort(where.begin(), where.end());
    where.erase(std::unique(where.begin(), where.end()), where.end());
    for (const uint32_t p : where) {
      remove_pairs(p);
      auto& parts = pieces_[p].parts;
      size_t to = 0;
      for (size_t from = 0; from < parts.size(); ++from, ++to) {
        const bool is_pair =
            from + 1 < parts.size() && parts[from] == pair.first && parts[from + 1] == pair.second;
        parts[to] = is_pair ? joined : parts[from];
        if (is_pair) ++from;
      }
      parts.resize(to);
      add_pairs(p, joined);
    }
    pairs_.erase(pair);
    std::sort(changed_.begin(), changed_.end());
    changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
    for (const auto& touched : changed_) {
      const auto entry = pairs_.find(touched);
      if (entry != pairs_.end() && entry->second.count > 0) heap_.push({entry->second.count, touched});
    }
    changed_.clear();
  }

 private:
  struct Entry {
    int64_t count = 0;
    std::vector<uint32_t>
        pieces;  // where the pair occurred when it was counted; may repeat, may be out of date
  };
  struct Candidate {
    int64_t count;
    Pair pair;
    bool operator<(const Candidate& other) const {
      return count != other.count ? count < other.count : pair > other.pair;
    }
  };
  static constexpr int32_t kAll = -1;

  /// Counts the pairs of a piece; notes the piece for those that contain the token `fresh` (the others have
  /// it).
  void add_pairs(size_t p, int32_t fresh) {
    const auto& piece = pieces_[p];
    for (size_t i = 0; i + 1 < piece.parts.size(); ++i) {
      const Pair pair{piece.parts[i], piece.parts[i + 1]};
      auto& entry = pairs_[pair];
      entry.count += piece.count;
      changed_.push_back(pair);
      if (fresh == kAll || pair.first == fresh || pair.second == fresh)
        entry.pieces.push_back(static_cast<uint32_t>(p));
    }
  }

  void remove_pairs(size_t p) {
    const auto& piece = pieces_[p];
    for (size_t i = 0; i + 1 < piece.parts.size(); ++i) {
      const Pair pair{piece.parts[i], piece.parts[i + 1]};
      pairs_[pair].count -= piece.count;
      changed_.push_back(pair);
    }
  }

  std::vector<Piece> pieces_;
  std::unordered_map<Pair, Entry, PairHash> pairs_;
  std::priority_queue<Candidate> heap_;
  std::vector<Pair> changed_;
};

}  // namespace

Bpe Bpe::train(const std::vector<std::string_view>& texts, int64_t vocab, const std::string& pattern_name) {
  if (vocab < 256) throw ConfigError(fmt::format("vocab: expected at least 256 (the bytes), got {}", vocab));
  const Regex pattern(bpe_pattern(pattern_name), pattern_name);
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  Trainer trainer(count_pieces(texts, pattern));
  while (static_cast<int64_t>(tokens.size()) < vocab) {
    const Pair pair = trainer.best();
    if (pair.first < 0) {
      throw ConfigError(
          fmt::format("vocab: expected at most {}, which uses up the pairs of the training texts, got {}",
                      tokens.size(), vocab));
    }
    tokens.push_back(tokens[pair.first] + tokens[pair.second]);
    trainer.merge(pair, static_cast<int32_t>(tokens.size()) - 1);
  }
  return Bpe(std::move(tokens), pattern_name);
}

}  // namespace aunet
