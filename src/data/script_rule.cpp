#include "data/script_rule.h"

#include "core/error.h"

namespace aunet {

void ScriptRule::Runs::start_text() {
  scripts_ = 0;
  after_letter_ = false;
}

bool ScriptRule::Runs::character(uint32_t code) {
  const uint32_t set = table_.of(code), spaceless = set & kSpacelessScripts;
  const bool letter = (set & kLetter) != 0;
  bool boundary = false;
  if (spaceless == 0) {
    boundary = open() && letter;
    scripts_ = 0;
    after_letter_ = letter;
    return boundary;
  }
  if (scripts_ & spaceless) {
    scripts_ &= spaceless;
    boundary = ++length_ == n_;
  } else {
    const bool change = open() || after_letter_;
    scripts_ = spaceless;
    length_ = change ? 0 : 1;
    boundary = change || n_ == 1;
  }
  after_letter_ = false;
  if (boundary) length_ = 0;
  return boundary;
}

ScriptRule::ScriptRule(int64_t n, std::unique_ptr<BoundaryRule> word) : runs_(n), word_(std::move(word)) {
  require(n >= 1, "script: a unit needs a character");
}

void ScriptRule::start() {
  runs_.start();
  word_->start();
}

bool ScriptRule::step(uint8_t byte) {
  const bool of_run = runs_.step(byte), of_word = word_->step(byte);
  return of_run || (of_word && !runs_.open());
}

}  // namespace aunet
