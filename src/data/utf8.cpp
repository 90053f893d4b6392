#include "data/utf8.h"

#include <algorithm>
#include <cstring>

namespace aunet {

Utf8Decoder::Step Utf8Decoder::feed(uint8_t byte) {
  if (pending_ > 0) {
    if (byte < low_ || byte > high_) {
      return Step::Broken;  // the caller takes the held bytes, calls reset(), and feeds the byte again
    }
    code_ = code_ << 6 | (byte & 0x3F);
    low_ = 0x80;
    high_ = 0xBF;
    ++pending_;
    if (--missing_ > 0) return Step::Pending;
    pending_ = 0;
    return Step::Character;
  }
  if (byte < 0x80) {
    code_ = byte;
    return Step::Character;
  }
  if (byte < 0xC2 || byte > 0xF4) return Step::Invalid;
  missing_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
  code_ = byte & (0x3F >> missing_);
  low_ = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
  high_ = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
  pending_ = 1;
  return Step::Pending;
}

size_t find_invalid_utf8(std::string_view text) {
  Utf8Decoder decoder;
  size_t i = 0;
  while (i < text.size()) {
    if (decoder.pending() == 0) {  // eight ASCII bytes at a time
      uint64_t word;
      while (i + 8 <= text.size() &&
             (std::memcpy(&word, text.data() + i, 8), (word & 0x8080808080808080u) == 0))
        i += 8;
      if (i == text.size()) break;
    }
    const auto step = decoder.feed(static_cast<uint8_t>(text[i]));
    if (step == Utf8Decoder::Step::Invalid) return i;
    if (step == Utf8Decoder::Step::Broken) return i - decoder.pending();
    ++i;
  }
  return decoder.pending() > 0 ? text.size() - decoder.pending() : std::string_view::npos;
}

void append_utf8(uint32_t code, std::string& text) {
  const auto tail = [&](int shift) { text += static_cast<char>(0x80 | (code >> shift & 0x3F)); };
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xC0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    text += static_cast<char>(0xE0 | code >> 12);
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xF0 | code >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

int64_t utf8_next(std::string_view text, int64_t begin, int64_t end) {
  int64_t next = begin + 1;
  while (next < end && next < begin + 4 && is_continuation(static_cast<uint8_t>(text[next]))) ++next;
  return std::min(next, end);
}

int64_t utf8_cut(std::string_view text, int64_t begin, int64_t limit) {
  if (limit >= static_cast<int64_t>(text.size())) return static_cast<int64_t>(text.size());
  for (int64_t cut = limit; cut >= begin && cut >= limit - 3; --cut) {
    if (cut == begin || !is_continuation(static_cast<uint8_t>(text[cut]))) return cut;
  }
  return limit;
}

}  // namespace aunet
