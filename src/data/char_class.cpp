#include "data/char_class.h"

#include "data/code_page.h"

namespace aunet {

CharClasses::CharClasses() { pages_[0] = make_page(0); }

std::unique_ptr<CharClasses::Page> CharClasses::make_page(uint32_t page) {
  static const Regex letters("\\p{L}", "letters"), numbers("\\p{N}", "numbers"), digits("\\d", "digits"),
      spaces("\\s", "white space");
  auto classes = std::make_unique<Page>();
  classes->fill(CharClass::Symbol);
  const CodePage characters(page);
  const auto mark = [&](const Regex& regex, CharClass value) {
    characters.for_each_match(regex, [&](int i) { (*classes)[i] = value; });
  };
  mark(letters, CharClass::Letter);
  mark(numbers, CharClass::Number);
  mark(digits, CharClass::Digit);
  mark(spaces, CharClass::Space);
  if (page == 0) (*classes)['\r'] = (*classes)['\n'] = CharClass::Newline;
  return classes;
}

}  // namespace aunet
