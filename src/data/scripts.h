// Scripts of letters and marks, from the Unicode tables of PCRE2.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace aunet {

/// Names by their bit in a script set: those of the scripts without spaces first.
const std::vector<std::string>& script_names();

/// Chinese, Japanese, Thai, Lao, Khmer, Burmese: Han, Bopomofo, Hiragana, Katakana, Thai, Lao, Khmer,
/// Myanmar.
inline constexpr uint32_t kSpacelessScripts = 0xFF;
/// Set for every letter (\p{L}), whatever its script.
inline constexpr uint32_t kLetter = 1u << 31;

/// The scripts of every code point. Pages of 256 are filled on first use; for one thread.
class ScriptTable {
 public:
  /// Set of scripts (bits) in which `code` is used as a letter or mark (\p{L}, \p{M}; Unicode's
  /// Script_Extensions: the Japanese length mark is Hiragana and Katakana). 0 for numbers, symbols, white
  /// space, and scripts that are not in the list.
  uint32_t of(uint32_t code) {
    auto& page = pages_[code >> 8];
    if (!page) page = make_page(code >> 8);
    return (*page)[code & 0xFF];
  }

 private:
  using Page = std::array<uint32_t, 256>;
  static std::unique_ptr<Page> make_page(uint32_t page);
  std::array<std::unique_ptr<Page>, 0x1100> pages_;
};

}  // namespace aunet
