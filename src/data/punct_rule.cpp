#include "data/punct_rule.h"

#include <utility>

namespace aunet {
namespace {

bool may_become_digit(uint32_t bytes) {
  static const auto beginnings = unfinished_bytes("\\d");
  return beginnings.contains(bytes);
}

}  // namespace

void PunctRule::start_text() {
  digits_ = symbols_ = 0;
  after_symbols_ = run_decided_ = false;
}

bool PunctRule::white_space(bool newline) {
  symbols_ = 0;
  if (after_symbols_ && newline) return false;
  after_symbols_ = false;
  if (!newline || run_decided_) return false;
  return run_decided_ = true;
}

bool PunctRule::unfinished(uint32_t bytes) {
  if (digits_ <= 3 || may_become_digit(bytes)) return false;
  digits_ = 0;
  return true;
}

bool PunctRule::character(uint32_t code) {
  const CharClass kind = classes_.of(code);
  if (kind == CharClass::Digit) {
    symbols_ = 0;
    after_symbols_ = run_decided_ = false;
    return ++digits_ == 1;
  }
  const bool pieces = std::exchange(digits_, 0) > 3;
  if (is_white_space(kind)) return white_space(kind == CharClass::Newline) || pieces;
  run_decided_ = false;
  after_symbols_ = kind == CharClass::Symbol;
  const bool first = after_symbols_ && symbols_ == 0;
  symbols_ = after_symbols_ && symbols_ < 2 ? symbols_ + 1 : 0;
  return first || pieces;
}

}  // namespace aunet
