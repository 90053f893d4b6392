#include "eval/causality_levels.h"

#include "data/split_rules.h"
#include "data/tokenizer.h"
#include "data/utf8.h"

#include <fmt/format.h>

#include <algorithm>

namespace aunet {

namespace {

/// The text up to `end` for people: its last bytes, the others than printable ASCII as \xNN.
std::string quoted_tail(std::string_view text, size_t end) {
  constexpr size_t kShown = 24;
  std::string quoted;
  for (const char c : text.substr(end > kShown ? end - kShown : 0, std::min(end, kShown))) {
    const auto byte = static_cast<uint8_t>(c);
    quoted += byte < 0x20 || byte >= 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return quoted;
}

/// Per byte: is the character that it belongs to unfinished after it?
std::vector<bool> inside_character(std::string_view text) {
  std::vector<bool> inside;
  Utf8Decoder decoder;
  for (const char c : text) {
    auto step = decoder.feed(static_cast<uint8_t>(c));
    if (step == Utf8Decoder::Step::Broken) step = decoder.feed(static_cast<uint8_t>(c));
    inside.push_back(step == Utf8Decoder::Step::Pending);
  }
  return inside;
}

}  // namespace

const std::vector<std::vector<int32_t>>& level_continuations() {
  static const std::vector<std::vector<int32_t>> continuations = [] {
    std::vector<std::vector<int32_t>> result;
    // Classes of characters that rules tell apart, white space runs that end in text or in a line, a
    // contraction, numbers in groups of three, and bytes that are no text.
    for (const char* text : {"", "a", "Z", " ", "\n", ".", "7", "'s ", "\"", " a", "  b", "\n\na", "\r\n",
                             ".\n", "234 ", "\xe2\x80\x94", "\xe4\xb8\xad", "\xff"}) {
      result.push_back(byte_ids(text));
    }
    result.push_back({kEndId, kBeginId, 'a'});  // the next document of a training window
    return result;
  }();
  return continuations;
}

std::vector<bool> leaky_positions(const LevelRule& rule, std::string_view piece, std::string* first,
                                  const std::vector<std::vector<int32_t>>& continuations) {
  const std::vector<int32_t> ids = byte_ids(piece), whole = rule(ids);
  const std::vector<bool> inside = inside_character(piece);
  std::vector<bool> leaky(piece.size(), false);
  std::vector<int32_t> other;
  for (size_t t = 0; t < piece.size(); ++t) {
    for (const std::vector<int32_t>& continuation : continuations) {
      if (inside[t] && !continuation.empty()) continue;
      other.assign(ids.begin(), ids.begin() + static_cast<int64_t>(t) + 1);
      other.insert(other.end(), continuation.begin(), continuation.end());
      const std::vector<int32_t> levels = rule(other);
      const auto parted =
          std::mismatch(whole.begin(), whole.begin() + static_cast<int64_t>(t) + 1, levels.begin());
      if (parted.first == whole.begin() + static_cast<int64_t>(t) + 1) continue;
      leaky[t] = true;
      if (first && first->empty()) {
        const auto at = static_cast<size_t>(parted.first - whole.begin());
        *first =
            fmt::format("level of the last byte of \"{}\": {} or {}, by what comes after \"{}\"",
                        quoted_tail(piece, at + 1), *parted.first, *parted.second, quoted_tail(piece, t + 1));
      }
      break;
    }
  }
  return leaky;
}

}  // namespace aunet
