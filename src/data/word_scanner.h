// The word rules as a state machine for both modes; in causal mode it never looks ahead. Tested against
// OfficialRules (the regexes) and against the definition of causal levels.
//
// What the official regexes (paper.md 1.3, NWORD_PUNCT_RE) do, seen from left to right, in char_class.h's
// classes:
//   numbers   \p{N}{1,3}
//             every third number of a run, from its first, is a boundary of every stage
//   symbols   [^\s\p{L}\p{N}]{1,3}[\r\n]*
//             the same for symbols; newlines right after them belong to them
//   newlines  \s*[\r\n]
//             the first character of a run of white space is one if a newline follows in the run
//   words     (\S+?\s){G}
//             the white space after every G-th word is a boundary of the rule's stage; words are counted
//             while single white space separates them, and anew after a boundary of the rule
// Only `newlines` looks ahead: whether the first blank of a run is a boundary of every stage is known at the
// run's first newline. There the causal boundary goes, for the rules that have none at the blank already; the
// official one goes back to the blank. Second reason to wait: a byte that may begin a character has no level
// until the character is complete or known to be broken.
#pragma once

#include "config/model_config.h"
#include "data/char_class.h"
#include "data/utf8.h"

#include <cstdint>
#include <vector>

namespace aunet {

/// The value G@M of a word rule.
struct WordRule {
  int64_t group = 1;              // words per boundary
  std::vector<int64_t> divisors;  // boundary n (from 0) counts if one of them divides n; {1}: all
};

/// Throws ConfigError. M matters only when the rule's name is exactly "word" (official code).
WordRule parse_word_rule(const SplitRule& rule);
/// True for a list of word rules, which one scanner can read together.
bool all_word_rules(const std::vector<SplitRule>& rules);

class WordScanner {
 public:
  /// Word rules alone. Throws ConfigError for a malformed one.
  WordScanner(const std::vector<SplitRule>& rules, SplitMode mode);
  /// Levels of one segment of bytes (0-255 each), 0 .. n_rules. For one thread.
  void levels(const int32_t* bytes, int64_t n, int32_t* out);
  /// Causal mode, byte by byte: start() begins a segment, step() is the level of its next byte.
  void start();
  int32_t step(uint8_t byte) { return read(byte, 0); }

 private:
  enum class Run : uint8_t { None, Open, Done };  // white space: none, waiting for a newline, decided
  struct Rule {
    int64_t group;
    std::vector<int64_t> divisors;
    int64_t words = 0, matches = 0;
  };
  // `position` in the segment is where official mode goes back to; causal mode does not use it.
  int32_t read(uint8_t byte, int64_t position);
  int32_t read_character(CharClass character, int64_t position);
  int32_t white_space(CharClass character, int64_t position);
  int32_t word_end();
  int32_t broken_character(int64_t position);

  std::vector<Rule> rules_;
  int32_t deepest_;
  bool causal_;
  CharClasses classes_;
  std::array<CharClass, 128> ascii_;
  Utf8Decoder decoder_;
  int numbers_ = 0, symbols_ = 0;  // characters of the open group of three
  bool after_symbols_ = false;     // the last character was a symbol, or a newline that belongs to one
  bool in_word_ = false;           // the last character was not white space
  Run run_ = Run::None;
  int64_t run_start_ = 0;   // position of the open run's first blank
  int32_t run_open_ = 0;    // deepest rule that has no boundary at it yet; 0: all have
  int32_t* out_ = nullptr;  // levels of the segment
};

}  // namespace aunet
