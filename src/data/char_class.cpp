#include "data/char_class.h"

#include "core/regex.h"
#include "data/utf8.h"

namespace aunet {

CharClasses::CharClasses() { pages_[0] = make_page(0); }

std::unique_ptr<CharClasses::Page> CharClasses::make_page(uint32_t page) {
  static const Regex letters("\\p{L}", "letters"), numbers("\\p{N}", "numbers"), digits("\\d", "digits"),
      spaces("\\s", "white space");
  auto classes = std::make_unique<Page>();
  classes->fill(CharClass::Symbol);
  std::string text;
  std::array<int, 256 * 4> index{};  // text offset -> code point in the page
  for (int i = 0; i < 256; ++i) {
    const uint32_t code = page << 8 | static_cast<uint32_t>(i);
    if (code >= 0xD800 && code < 0xE000) continue;  // surrogates never occur in valid UTF-8
    index[text.size()] = i;
    append_utf8(code, text);
  }
  const auto mark = [&](const Regex& regex, CharClass value) {
    for (RegexMatcher match(regex, text); match.next();) (*classes)[index[match.begin()]] = value;
  };
  mark(letters, CharClass::Letter);
  mark(numbers, CharClass::Number);
  mark(digits, CharClass::Digit);
  mark(spaces, CharClass::Space);
  if (page == 0) (*classes)['\r'] = (*classes)['\n'] = CharClass::Newline;
  return classes;
}

}  // namespace aunet
