// Regular expressions on valid UTF-8: PCRE2 with JIT, one match after the other.
//
// Patterns are written for Python's `regex` module, as the official code and tiktoken use them. Two
// differences are bridged here: \s means the Unicode property White_Space (PCRE2's also takes U+180E), \d
// means \p{Nd}.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace aunet {

/// A compiled pattern. Immutable, may be shared between threads.
class Regex {
 public:
  /// Throws ConfigError `where: ...` for a malformed pattern; `where` names who asked for it.
  Regex(const std::string& pattern, const std::string& where);
  ~Regex();
  Regex(Regex&&) noexcept;

 private:
  friend class RegexMatcher;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Walks over the matches of one pattern in one text, like Python's finditer. For one thread.
class RegexMatcher {
 public:
  /// `text` is valid UTF-8 (not checked here) and outlives the matcher.
  RegexMatcher(const Regex& regex, std::string_view text);
  ~RegexMatcher();
  RegexMatcher(const RegexMatcher&) = delete;
  RegexMatcher& operator=(const RegexMatcher&) = delete;
  /// Finds the next non-empty match; false when there is none. Throws Error when PCRE2 gives up.
  bool next();
  size_t begin() const { return begin_; }
  size_t end() const { return end_; }

 private:
  const Regex& regex_;
  std::string_view text_;
  void* match_data_;
  size_t begin_ = 0, end_ = 0;
};

}  // namespace aunet
