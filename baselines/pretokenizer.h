// Cuts valid UTF-8 into the pieces that BPE merges in.
#pragma once

#include <cstdint>
#include <string_view>

#include "baselines/bpe_merges.h"
#include "core/regex.h"

namespace aunet {

/// Immutable; may be shared between threads.
class Pretokenizer {
 public:
  /// Throws ConfigError when the pattern is no regular expression.
  explicit Pretokenizer(const BpePattern& pattern);

  /// Calls `each(piece)` for the pieces of `text` (valid UTF-8), in order; together they are the text. The
  /// named patterns match all of a text; what another leaves between two matches is a piece too.
  /// Throws Error when the regex engine gives up.
  template <typename Each>
  void for_each_piece(std::string_view text, const Each& each) const;

 private:
  /// What a word of ASCII letters, with or without a blank before it, is to the pattern. Most pieces of an
  /// English text are such words, and a loop over letters finds their end much sooner than the regex.
  enum class Words : uint8_t {
    Unknown,            // ask the regex
    Letters,            // ` ?` and \p{L}+ (gpt2, cl100k_base, llama3)
    CapitalsThenSmall,  // the same with a cut before each capital after a small letter (o200k_base)
  };
  size_t word_end(std::string_view text, size_t from) const;

  Regex regex_;
  Words words_;
};

/// The end of the word at `from`; `from` when there is none or what follows could belong to its piece.
inline size_t Pretokenizer::word_end(std::string_view text, size_t from) const {
  if (words_ == Words::Unknown) return from;
  const auto is_small = [&](size_t i) { return static_cast<uint8_t>(text[i] - 'a') < 26; };
  const auto is_capital = [&](size_t i) { return static_cast<uint8_t>(text[i] - 'A') < 26; };
  const size_t n = text.size(), begin = from + (text[from] == ' ' ? 1 : 0);
  size_t end = begin;
  if (words_ == Words::Letters) {
    while (end < n && (is_small(end) || is_capital(end))) ++end;
    if (end == begin || (end < n && static_cast<uint8_t>(text[end]) >= 0x80)) return from;
    return end;
  }
  while (end < n && is_capital(end)) ++end;
  while (end < n && is_small(end)) ++end;
  // "'s" and its like belong to the word there
  if (end == begin || (end < n && (static_cast<uint8_t>(text[end]) >= 0x80 || text[end] == '\'')))
    return from;
  return end;
}

template <typename Each>
void Pretokenizer::for_each_piece(std::string_view text, const Each& each) const {
  RegexSearch search(regex_);
  for (size_t at = 0; at < text.size();) {
    if (const size_t end = word_end(text, at); end > at) {
      each(text.substr(at, end - at));
      at = end;
      continue;
    }
    if (search.whole(text, at) != RegexSearch::Found::Match) {
      each(text.substr(at));
      return;
    }
    if (search.begin() > at) each(text.substr(at, search.begin() - at));
    each(text.substr(search.begin(), search.end() - search.begin()));
    at = search.end();
  }
}

}  // namespace aunet
