// UTF-8, byte by byte: decoding that never looks ahead, validation, and where a text may be cut.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace aunet {

inline bool is_continuation(uint8_t byte) { return (byte & 0xC0) == 0x80; }

/// Decodes one byte at a time (Unicode 15, table 3-7: no overlong forms, no surrogates, nothing above
/// U+10FFFF).
class Utf8Decoder {
 public:
  enum class Step {
    Character,  // the byte completed `code()`
    Pending,    // more bytes are needed; `pending()` bytes are held
    Invalid,    // the byte can neither begin nor continue a character; it stands alone
    Broken,     // the held bytes are invalid, each alone; feed this byte again
  };
  Step feed(uint8_t byte);
  uint32_t code() const { return code_; }
  int pending() const { return pending_; }
  void reset() { pending_ = 0; }

 private:
  uint32_t code_ = 0;
  int pending_ = 0, missing_ = 0;
  uint8_t low_ = 0x80, high_ = 0xBF;  // range of the next byte
};

/// Offset of the first byte that is not part of a valid character, npos when the text is valid UTF-8.
size_t find_invalid_utf8(std::string_view text);

void append_utf8(uint32_t code, std::string& text);

/// Largest cut in (begin, limit] at a UTF-8 border: a cut is a border when the byte after it is no
/// continuation byte. Looks back over at most 3 continuation bytes; then the cut is forced at `limit`.
/// Returns `begin` when the first character does not fit. text.size() is always a border.
int64_t utf8_cut(std::string_view text, int64_t begin, int64_t limit);

/// The end of the character at `begin`: the first border after it, at most `end`; at most 4 bytes on.
int64_t utf8_next(std::string_view text, int64_t begin, int64_t end);

}  // namespace aunet
