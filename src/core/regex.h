// Regular expressions on valid UTF-8: PCRE2 with JIT, one match after the other.
//
// Patterns are written for Python's `regex` module, as the official code and tiktoken use them. Differences
// are bridged here: \s means the Unicode property White_Space (PCRE2's also takes U+180E), \d means \p{Nd},
// and \w, \b and [[:classes:]] are Unicode's (PCRE2_UCP).
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
  /// False: every match has at least one character.
  bool may_match_empty() const;

 private:
  friend class RegexSearch;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Looks for one match at a time. Keeps its working memory between calls; for one thread.
class RegexSearch {
 public:
  enum class Found {
    None,   // no match begins in the text
    Match,  // [begin(), end())
    Open,   // prefixes only: whether a match begins at begin(), or where it ends, more text may change
  };
  /// `regex` outlives the search.
  explicit RegexSearch(const Regex& regex);
  ~RegexSearch();
  RegexSearch(const RegexSearch&) = delete;
  RegexSearch& operator=(const RegexSearch&) = delete;
  /// The first non-empty match that begins at `from` or later. `text` is valid UTF-8 (not checked here).
  /// Throws Error when PCRE2 gives up.
  Found whole(std::string_view text, size_t from) { return find(text, from, false); }
  /// The same, where `text` is the beginning of a longer one: Match and None hold whatever follows, except
  /// that a match may still begin at text.size(). May say Open where all continuations agree (PCRE2's
  /// PARTIAL_HARD: whenever the end of the text was looked at).
  Found prefix(std::string_view text, size_t from) { return find(text, from, true); }
  size_t begin() const { return begin_; }
  size_t end() const { return end_; }

 private:
  Found find(std::string_view text, size_t from, bool is_prefix);
  const Regex& regex_;
  void* match_data_;
  size_t begin_ = 0, end_ = 0;
};

/// Walks over the matches of one pattern in one text, like Python's finditer, but leaves out empty ones. For
/// one thread.
class RegexMatcher {
 public:
  /// `text` is valid UTF-8 (not checked here) and outlives the matcher.
  RegexMatcher(const Regex& regex, std::string_view text) : search_(regex), text_(text) {}
  /// Finds the next match; false when there is none. Throws Error when PCRE2 gives up.
  bool next();
  size_t begin() const { return search_.begin(); }
  size_t end() const { return search_.end(); }

 private:
  RegexSearch search_;
  std::string_view text_;
};

}  // namespace aunet
