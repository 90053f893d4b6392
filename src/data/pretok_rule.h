// The causal `pretok` rule: the pre-tokenizer of paper.md 1.3 (WORD_PUNCT_RE) as a machine over characters.
//
// Its matches tile the text and a boundary is at the start of each, in char_class.h's classes:
//   letters   ` ?\p{L}{1,16}`                       number   `\p{N}{1,3}`
//   symbols   ` ?[^\s\p{L}\p{N}]{1,3}+[\r\n]*`
//   blanks    `\s*[\r\n]` up to the run's last newline; of the rest, all but the last blank, if text follows;
//             the last blank on its own, or before letters or symbols if it is a space
// The first blank of a run is a boundary whatever follows. Where the others begin is known only when the run
// ends: at the first character after it, where the causal boundary goes. That character is none only if all
// that was before it is one single space, which was decided already and which it joins. (The blank after the
// last newline begins a match at the end of a text, too: it is decided by the first bytes of a character that
// cannot be white space.)
#pragma once

#include "data/char_class.h"
#include "data/character_rule.h"

#include <cstdint>

namespace aunet {

class PretokRule : public CharacterRule {
 protected:
  void start_text() override;
  bool character(uint32_t code) override;
  bool unfinished(uint32_t bytes) override;

 private:
  enum class Open : uint8_t { None, Letters, Numbers, Symbols, SymbolNewlines, OneSpace, Blanks };
  bool blank(uint32_t code, CharClass kind);

  CharClasses classes_;
  Open open_ = Open::None;  // the match that the last character belongs to
  int n_ = 0;               // its characters, a leading space not counted
  // Blanks after the last newline of the open run; -1: it has no newline, or the first of them is decided.
  int64_t blanks_ = -1;
  bool last_is_space_ = false;  // the last character was U+0020
};

}  // namespace aunet
