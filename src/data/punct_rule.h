// The causal `punct` rule (paper.md 1.3, PUNCT_RE) as a machine over characters, in char_class.h's classes.
//
//   digits    a run of \d is cut into threes from its right end; a boundary is at the start of each piece.
//             That of the first is certain at once, the others only when the run ends: one boundary there, if
//             the run has more than one piece. The first bytes of a character that cannot be a digit end it
//   symbols   `[^\s\p{L}\p{N}]{1,3}+[\r\n]*`: every third symbol of a run, from its first; newlines right
//             after them belong to them
//   newlines  `\s*[\r\n]`: the first character of a run of white space if a newline follows in the run; the
//             causal boundary is at the run's first newline
// Letters, other numbers and other white space have none.
#pragma once

#include "data/char_class.h"
#include "data/character_rule.h"

#include <cstdint>

namespace aunet {

class PunctRule : public CharacterRule {
 protected:
  void start_text() override;
  bool character(uint32_t code) override;
  bool unfinished(uint32_t bytes) override;

 private:
  bool white_space(bool newline);

  CharClasses classes_;
  int64_t digits_ = 0;          // of the open run
  int symbols_ = 0;             // of the open three
  bool after_symbols_ = false;  // the last character was a symbol, or a newline that belongs to one
  bool run_decided_ = false;    // the open run of white space had a newline
};

}  // namespace aunet
