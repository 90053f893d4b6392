// Split rules: from ids (bytes and marks) to the level of each position (paper.md 1.3, golden/README.md).
// Level l at t: stages 1 .. l+1 keep t; 0 is no boundary. Official mode equals the official code on
// golden/splits.jsonl. Causal mode never looks ahead: the boundary of a position sits at the first byte at
// which it is certain, per stage (a blank that ends a word is kept by stage 2 at once, by stage 3 perhaps
// only at a newline).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/model_config.h"

namespace aunet {

inline constexpr int32_t kBeginId = 256;
inline constexpr int32_t kEndId = 257;
/// Continuation bytes that open a segment and lie outside, at most (the official code cuts off so many).
inline constexpr int64_t kMaxLeadingContinuation = 5;

/// A compiled list of rules. Immutable; one instance may be used by one thread at a time.
class Splitter {
 public:
  /// Throws ConfigError for a rule that is unknown or malformed.
  Splitter(const std::vector<SplitRule>& rules, SplitMode mode);
  ~Splitter();
  Splitter(Splitter&&) noexcept;

  /// Levels of `ids` (bytes 0-255, begin 256, end 257), one per position, before the model forces the first
  /// one. Marks have level 0 (golden/splits.jsonl) and split the ids into segments that know nothing of each
  /// other; SequenceBuilder raises begin marks to the deepest level. Any bytes are legal. In a segment, up to
  /// 5 leading continuation bytes and a trailing incomplete character lie partly outside and have level 0, as
  /// in the official code; every other byte that is no part of a valid UTF-8 character counts as one symbol
  /// (no letter, number or white space). The official code has no answer for those. Rules that see bytes and
  /// not characters (space, every, file, bpe, entropy) may have a boundary at any byte but the leading ones.
  std::vector<int32_t> levels(const std::vector<int32_t>& ids) const;
  void levels(const int32_t* ids, int64_t n, int32_t* out) const;

  /// Some boundaries are looked up in a file (data/file_rule.h): it knows its own texts and no others, and
  /// levels() of those throws ConfigError.
  bool from_file() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace aunet
