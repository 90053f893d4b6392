#include "baselines/onig_pattern.h"

#include "baselines/bpe.h"
#include "core/error.h"

#include <fmt/format.h>

#include <array>
#include <cctype>

namespace aunet {

const char* const kByteLevelRegex =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

namespace {

/// Texts for Oniguruma that mean a named pattern. Of equals, the first is written.
std::vector<BpePattern> known_patterns() {
  return {
      {"gpt2", kByteLevelRegex},
      {"gpt2", R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"},
      // '$' would stop at every line there, and {1,3}+ repeat
      {"cl100k_base",
       R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++\z|\s*[\r\n])"
       R"(|\s+(?!\S)|\s)"},
      {"o200k_base", bpe_pattern("o200k_base")},
      {"llama3", bpe_pattern("llama3")},
  };
}

/// Reads a pattern once, from left to right, and refuses what the two engines may read differently.
class Scanner {
 public:
  Scanner(std::string_view regex, const std::string& where) : regex_(regex), where_(where) {}

  void scan() {
    while (at_ < regex_.size()) {
      const char c = regex_[at_];
      if (c == '\\') {
        escape(false);
      } else if (c == '[') {
        character_class();
      } else if (c == '(') {
        group();
      } else if (c == ')') {
        if (caseless_.empty()) fail("no ')' without '('");
        caseless_.pop_back();
        ++at_;
      } else if (c == '{') {
        repetition();
      } else if (c == '^' || c == '$') {
        fail("no '^' or '$', which stand for lines in one engine and for the text in the other: \\A, \\z");
      } else {
        letters_in_a_row(c);
        ++at_;
        continue;
      }
      previous_letter_ = 0;
    }
  }

 private:
  [[noreturn]] void fail(std::string_view expected) const {
    throw ConfigError(fmt::format("{}: expected a pattern with {}, got '{}' at {} of '{}'", where_, expected,
                                  regex_.substr(at_, 8), at_ + 1, regex_));
  }

  /// Oniguruma folds pairs: (?i:ss) takes "ß" too.
  void letters_in_a_row(char c) {
    const auto letter = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (caseless()) {
      if (static_cast<unsigned char>(c) >= 0x80) fail("ASCII letters only where case is ignored");
      constexpr std::array<std::string_view, 7> kFolded = {"ss", "ff", "fi", "fl", "st", "'n", "i\xcc"};
      const char pair[] = {previous_letter_, letter};
      for (const std::string_view folded : kFolded)
        if (folded == std::string_view(pair, 2)) fail("no pair that is one letter in another case");
    }
    previous_letter_ = letter;
  }

  bool caseless() const { return !caseless_.empty() && caseless_.back(); }

  void escape(bool in_class) {
    if (at_ + 1 == regex_.size()) fail("a character after '\\'");
    const char letter = regex_[at_ + 1];
    const bool is_property = letter == 'p' || letter == 'P';
    const std::string_view allowed = in_class ? "sdDrntfv" : "sSdDrntfvzA";
    if (is_property) {
      const size_t end = regex_.find('}', at_);
      const std::string_view name =
          at_ + 3 < regex_.size() && regex_[at_ + 2] == '{' && end != std::string_view::npos
              ? regex_.substr(at_ + 3, end - at_ - 3)
              : std::string_view();
      // general categories and scripts: what both know by the same name
      if (name.empty() || name.size() > 24 || name.find_first_not_of(kNameLetters) != std::string_view::npos)
        fail("a general category or script in \\p{}");
      if (caseless() && name.starts_with("L") && name != "L" && name != "Lo")
        fail("no letters of one case where case is ignored");
      at_ = end + 1;
      return;
    }
    if (allowed.find(letter) == std::string_view::npos && !std::ispunct(static_cast<unsigned char>(letter)) &&
        letter != ' ')
      fail("escapes that both engines read alike (\\s \\S \\d \\D \\r \\n \\t \\f \\v \\z \\A \\p{} \\P{})");
    if (letter == 'v') fail("no \\v, which is one character or a class of them");
    at_ += 2;
  }

  void character_class() {
    ++at_;
    if (at_ < regex_.size() && regex_[at_] == '^') ++at_;
    if (at_ < regex_.size() && regex_[at_] == ']') fail("']' escaped in a class");
    while (at_ < regex_.size() && regex_[at_] != ']') {
      if (regex_[at_] == '[') fail("'[' escaped in a class");
      if (regex_.substr(at_, 2) == "&&") fail("no '&&' in a class");
      if (caseless() && static_cast<unsigned char>(regex_[at_]) >= 0x80)
        fail("ASCII letters only where case is ignored");
      if (regex_[at_] == '\\') {
        escape(true);
      } else {
        ++at_;
      }
    }
    if (at_ == regex_.size()) fail("']' after '['");
    ++at_;
  }

  void group() {
    constexpr std::array<std::string_view, 6> kPlain = {"(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!"};
    for (const std::string_view plain : kPlain) {
      if (!regex_.substr(at_).starts_with(plain)) continue;
      caseless_.push_back(caseless());
      at_ += plain.size();
      return;
    }
    const bool ignores_case = regex_.substr(at_).starts_with("(?i:");
    if (!ignores_case && regex_.substr(at_).starts_with("(?"))
      fail("groups (?: (?i: (?= (?! (?<= (?<! (?> only");
    if (regex_.substr(at_).starts_with("(*")) fail("no '(*'");
    caseless_.push_back(ignores_case || caseless());
    at_ += ignores_case ? 4 : 1;
  }

  void repetition() {
    const size_t end = regex_.find('}', at_);
    const auto inside = end == std::string_view::npos ? "" : regex_.substr(at_ + 1, end - at_ - 1);
    if (inside.empty() || !std::isdigit(static_cast<unsigned char>(inside[0])) ||
        inside.find_first_not_of("0123456789,") != std::string_view::npos)
      fail("{n}, {n,} or {n,m}, or an escaped '{'");
    at_ = end + 1;
    if (at_ < regex_.size() && (regex_[at_] == '+' || regex_[at_] == '?'))
      fail("no '+' or '?' after {n,m}, which means other things in the two engines");
  }

  static constexpr std::string_view kNameLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
  std::string_view regex_;
  const std::string& where_;
  size_t at_ = 0;
  std::vector<bool> caseless_;  // of the open groups
  char previous_letter_ = 0;
};

}  // namespace

BpePattern pattern_of_onig(const std::string& regex, const std::string& where) {
  for (const BpePattern& known : known_patterns()) {
    if (known.regex == regex) return {known.name, bpe_pattern(known.name)};
  }
  Scanner(regex, where).scan();
  if (Regex(regex, where).may_match_empty())
    throw ConfigError(fmt::format(
        "{}: expected a pattern that matches some text, got one that may match nothing: '{}'", where, regex));
  return {"", regex};
}

std::string onig_of_pattern(const BpePattern& pattern) {
  if (pattern.name.empty()) return pattern.regex;
  for (const BpePattern& known : known_patterns()) {
    if (known.name == pattern.name) return known.regex;
  }
  throw BugError(fmt::format("onig_of_pattern: no text for pattern '{}'", pattern.name));
}

}  // namespace aunet
