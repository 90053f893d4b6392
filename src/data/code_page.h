// 256 code points at a time, as PCRE2's Unicode tables see them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "core/regex.h"
#include "data/utf8.h"

namespace aunet {

/// The characters of page `page` (code points 256 page .. 256 page + 255) as one text, and which is where.
class CodePage {
 public:
  explicit CodePage(uint32_t page) {
    for (int i = 0; i < 256; ++i) {
      const uint32_t code = page << 8 | static_cast<uint32_t>(i);
      if (code >= 0xD800 && code < 0xE000) continue;  // surrogates never occur in valid UTF-8
      index_[text_.size()] = i;
      append_utf8(code, text_);
    }
  }
  /// Calls each(i) for the code points (their low byte) at which a match of a one-character pattern begins.
  template <class Each>
  void for_each_match(const Regex& regex, const Each& each) const {
    for (RegexMatcher match(regex, text_); match.next();) each(index_[match.begin()]);
  }

 private:
  std::string text_;
  std::array<int, 256 * 4> index_{};  // text offset -> code point in the page
};

}  // namespace aunet
