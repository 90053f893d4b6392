#include "data/character_rule.h"

#include "core/regex.h"

namespace aunet {
namespace {

constexpr uint32_t kReplacement = 0xFFFD;

}  // namespace

void CharacterRule::start() {
  decoder_.reset();
  held_ = 0;
  start_text();
}

std::unordered_set<uint32_t> unfinished_bytes(const std::string& pattern) {
  std::string text;
  for (uint32_t code = 0x80; code < 0x110000; ++code) {
    if (code < 0xD800 || code > 0xDFFF) append_utf8(code, text);
  }
  std::unordered_set<uint32_t> beginnings;
  const Regex regex(pattern, "unfinished characters");
  for (RegexMatcher match(regex, text); match.next();) {
    uint32_t bytes = 0;
    for (size_t i = match.begin(); i + 1 < match.end(); ++i) {
      bytes = bytes << 8 | static_cast<uint8_t>(text[i]);
      beginnings.insert(bytes);
    }
  }
  return beginnings;
}

bool CharacterRule::unfinished(uint32_t) { return false; }

bool CharacterRule::step(uint8_t byte) {
  bool boundary = false;
  auto result = decoder_.feed(byte);
  if (result == Utf8Decoder::Step::Broken) {
    for (int i = 0; i < decoder_.pending(); ++i) boundary |= character(kReplacement);
    decoder_.reset();
    held_ = 0;
    result = decoder_.feed(byte);
  }
  if (result == Utf8Decoder::Step::Pending) {
    held_ = held_ << 8 | byte;
    return unfinished(held_) || boundary;
  }
  held_ = 0;
  if (result == Utf8Decoder::Step::Character) boundary |= character(decoder_.code());
  if (result == Utf8Decoder::Step::Invalid) boundary |= character(kReplacement);
  return boundary;
}

}  // namespace aunet
