#include "data/pretok_rule.h"

namespace aunet {
namespace {

bool may_become_blank(uint32_t bytes) {
  static const auto beginnings = unfinished_bytes("\\s");
  return beginnings.contains(bytes);
}

}  // namespace

void PretokRule::start_text() {
  open_ = Open::None;
  n_ = 0;
}

bool PretokRule::blank(uint32_t code, CharClass kind) {
  const bool after_symbols = open_ == Open::Symbols || open_ == Open::SymbolNewlines;
  if (after_symbols && kind == CharClass::Newline) {
    open_ = Open::SymbolNewlines;
    return false;
  }
  last_is_space_ = code == ' ';
  const bool first = open_ != Open::OneSpace && open_ != Open::Blanks;
  open_ = first && last_is_space_ ? Open::OneSpace : Open::Blanks;
  if (kind == CharClass::Newline) {
    blanks_ = 0;
  } else if (first) {
    blanks_ = -1;
  } else if (blanks_ >= 0) {
    ++blanks_;
  }
  return first;
}

bool PretokRule::unfinished(uint32_t bytes) {
  if (open_ != Open::Blanks || blanks_ < 1 || may_become_blank(bytes)) return false;
  if (blanks_ == 1 && last_is_space_) open_ = Open::OneSpace;
  blanks_ = -1;
  return true;
}

bool PretokRule::character(uint32_t code) {
  const CharClass kind = classes_.of(code);
  if (is_white_space(kind)) return blank(code, kind);
  const Open mine = kind == CharClass::Letter   ? Open::Letters
                    : kind == CharClass::Symbol ? Open::Symbols
                                                : Open::Numbers;
  const int most = mine == Open::Letters ? 16 : 3;
  if (open_ == mine && n_ < most) {
    ++n_;
    return false;
  }
  const bool joins_space = open_ == Open::OneSpace && mine != Open::Numbers;
  open_ = mine;
  n_ = 1;
  return !joins_space;
}

}  // namespace aunet
