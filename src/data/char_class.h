// The kinds of characters that the split rules tell apart (paper.md 1.3).
#pragma once

#include <array>
#include <cstdint>
#include <memory>

namespace aunet {

enum class CharClass : uint8_t {
  Letter,   // \p{L}
  Digit,    // \p{Nd}
  Number,   // other \p{N}
  Newline,  // \r \n
  Space,    // other White_Space
  Symbol,   // everything else; also each byte that is no part of a valid character
};

inline bool is_white_space(CharClass kind) { return kind == CharClass::Newline || kind == CharClass::Space; }

/// Class of every code point, from the Unicode tables of the PCRE2 library that runs the official regexes, so
/// that both modes agree on what a letter is. Pages of 256 are filled on first use; for one thread.
class CharClasses {
 public:
  CharClasses();
  CharClass of(uint32_t code) {
    auto& page = pages_[code >> 8];
    if (!page) page = make_page(code >> 8);
    return (*page)[code & 0xFF];
  }

 private:
  using Page = std::array<CharClass, 256>;
  static std::unique_ptr<Page> make_page(uint32_t page);
  std::array<std::unique_ptr<Page>, 0x1100> pages_;
};

}  // namespace aunet
