#include "eval/stop_text.h"

#include "data/utf8.h"

#include <algorithm>

namespace aunet {

namespace {

/// Bytes at the end of `text` that begin a character and do not finish it.
size_t unfinished(std::string_view text) {
  constexpr size_t kLongest = 3;
  size_t begin = text.size() - std::min(text.size(), kLongest);
  while (begin < text.size() && is_continuation(static_cast<uint8_t>(text[begin]))) ++begin;
  Utf8Decoder decoder;
  for (size_t i = begin; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if (decoder.feed(byte) == Utf8Decoder::Step::Broken) {
      decoder.reset();
      decoder.feed(byte);
    }
  }
  return static_cast<size_t>(decoder.pending());
}

}  // namespace

bool StopText::append(char byte) {
  text_ += byte;
  size_t longest = 0;
  for (const std::string& stop : stops_)
    if (text_.ends_with(stop)) longest = std::max(longest, stop.size());
  text_.resize(text_.size() - longest);
  return longest > 0;
}

size_t StopText::held_back() const {
  size_t held = 0;
  for (const std::string& stop : stops_)
    for (size_t n = std::min(stop.size() - 1, text_.size()); n > held; --n)
      if (text_.ends_with(std::string_view(stop).substr(0, n))) held = n;
  return held + unfinished(std::string_view(text_).substr(0, text_.size() - held));
}

std::string_view StopText::take(bool at_end) {
  const size_t end = at_end ? text_.size() : text_.size() - held_back();
  if (end <= taken_) return {};
  const std::string_view fresh = std::string_view(text_).substr(taken_, end - taken_);
  taken_ = end;
  return fresh;
}

}  // namespace aunet
