// The official split rules: the published regexes, run by PCRE2, composed into levels as the official code
// does (paper.md 1.3), and user rules in the same way; may look ahead. The truth that the causal machines are
// tested against. A rule without regexes is a SegmentRule.
#pragma once

#include "config/split_rule.h"
#include "core/regex.h"
#include "data/segment_rule.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aunet {

class OfficialRules {
 public:
  /// Throws ConfigError for an unknown rule or a malformed value.
  explicit OfficialRules(const std::vector<SplitRule>& rules);
  /// Levels of one segment of bytes (0-255 each), 0 .. n_rules. A hit on a character goes to its last byte.
  /// Every byte that is no part of a valid character counts as one character that is no letter, number or
  /// white space; but a character that is still incomplete at the end of the segment is left out and has
  /// level 0, as in the official code, which cuts it off; rules beyond the paper may have boundaries at any
  /// byte. (On other invalid UTF-8 the official result has the
  /// wrong length.)
  void levels(const int32_t* bytes, int64_t n, int32_t* out);

 private:
  struct Rule {
    std::optional<Regex> starts{};         // a match is a boundary at its first character
    std::optional<Regex> ends{};           // a match is a boundary at its last character
    std::vector<int64_t> divisors = {1};   // match n of `ends` counts if one of them divides n
    std::unique_ptr<SegmentRule> whole{};  // instead of regexes
  };
  static Rule compile(const SplitRule& rule);
  void decode(const int32_t* bytes, int64_t n);

  std::vector<Rule> rules_;
  std::string raw_;                 // the bytes, for rules that want them all
  std::string text_;                // valid UTF-8; an invalid byte is U+FFFD
  std::vector<int32_t> last_byte_;  // [text_] first text byte of a character -> its last byte in the segment
};

}  // namespace aunet
