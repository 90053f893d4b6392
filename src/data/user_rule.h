// A user rule ([split.NAME] start = REGEX, end = REGEX) in causal mode: the regexes matched as the text
// grows.
#pragma once

#include "config/split_rule.h"
#include "core/regex.h"
#include "data/character_rule.h"

#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace aunet {

/// A boundary at the first character of each match of `start` and at the last one of each match of `end`, as
/// in the official mode (data/official_rules.h), but at the first byte at which it is known to be one.
///
/// `end`: the match is complete whatever follows. `start`: so it is, or, for a pattern without look-ahead
/// (keeps_matches), some match begins there whatever follows.
/// Conservative: never before it is certain, but later than the earliest certain byte where PCRE2's partial
/// matching says "open" though all continuations agree: when a look-ahead, an anchor at the end or a
/// possessive quantifier makes it look past the match; when a match is certain behind an open one; and when
/// the first bytes of a character would do to end a match. Work per byte: one or two searches per regex that
/// begin at the open match or, without one, at the newest character. A pattern that can stay open for the
/// whole segment (".*x") costs as much as the open match is long. The segment's text is kept, for
/// look-behind.
class UserRule : public CharacterRule {
 public:
  /// Throws ConfigError for a malformed regex.
  explicit UserRule(const SplitRule& rule);

 protected:
  void start_text() override;
  bool character(uint32_t code) override;

 private:
  /// The matches of one regex in a growing text.
  class Matches {
   public:
    Matches(const std::string& pattern, const std::string& where, bool at_end);
    void restart() { from_ = 0; }
    /// `text` has grown by one character. Adds to `certain` the characters (their first byte) that have
    /// become boundaries; true if one of them was none before.
    bool grow(const std::string& text, std::set<size_t>& certain);
    /// No character before it will become a boundary by this regex.
    size_t done() const { return from_; }

   private:
    bool begins_open_match(const std::string& text);
    Regex regex_;
    RegexSearch search_;
    bool at_end_;      // boundary at the end of a match, else at its start
    bool keeps_;       // a match of the text so far stays one
    size_t from_ = 0;  // no match that is not complete begins before
  };

  std::string text_;  // of the segment: valid UTF-8
  std::optional<Matches> starts_, ends_;
  std::set<size_t> certain_;  // boundaries in the part of the text where more may come
};

/// True when a match of the pattern in a text makes sure that in every longer text a match begins at the
/// same place: the pattern has nothing that looks at what follows (look-ahead, $, \b, \z), gives up ways to
/// match (possessive, atomic) or is unknown here.
bool keeps_matches(std::string_view pattern);

}  // namespace aunet
