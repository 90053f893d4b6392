#include "data/word_scanner.h"

#include "core/error.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace aunet {
namespace {

int64_t parse_count(const std::string& text, const SplitRule& rule) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // 65535: the largest repetition count of PCRE2, which runs the official mode
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > 65535) {
    throw ConfigError(fmt::format(
        "split rule '{}={}': expected G@M with G and M from 1 to 65535, as in 'word2=2@1', got '{}'",
        rule.name, rule.value, text));
  }
  return value;
}

}  // namespace

WordRule parse_word_rule(const SplitRule& rule) {
  const auto parts = split_on(rule.value, '@');
  WordRule out{parse_count(parts[0], rule), {1}};
  if (rule.name != "word") return out;
  if (parts.size() < 2) {
    throw ConfigError(
        fmt::format("split rule '{}={}': expected G@M, as in 'word=1@1', got no '@'", rule.name, rule.value));
  }
  out.divisors.clear();
  for (const auto& part : split_on(parts[1], '-')) out.divisors.push_back(parse_count(part, rule));
  return out;
}

bool all_word_rules(const std::vector<SplitRule>& rules) {
  return !rules.empty() && std::all_of(rules.begin(), rules.end(), [](const SplitRule& rule) {
    return kind_of_rule(rule.name) == "word";
  });
}

WordScanner::WordScanner(const std::vector<SplitRule>& rules, SplitMode mode)
    : deepest_(static_cast<int32_t>(rules.size())), causal_(mode == SplitMode::Causal) {
  for (const auto& rule : rules) {
    WordRule word = parse_word_rule(rule);
    rules_.push_back({word.group, std::move(word.divisors)});
  }
  for (uint32_t code = 0; code < 128; ++code) ascii_[code] = classes_.of(code);
}

void WordScanner::start() {
  decoder_.reset();
  numbers_ = symbols_ = 0;
  after_symbols_ = in_word_ = false;
  run_ = Run::None;
  for (auto& rule : rules_) rule.words = rule.matches = 0;
}

int32_t WordScanner::word_end() {
  int32_t level = 0;
  run_open_ = 0;
  for (int32_t r = 0; r < deepest_; ++r) {
    auto& rule = rules_[r];
    bool boundary = false;
    if (++rule.words >= rule.group) {
      rule.words = 0;
      const int64_t n = rule.matches++;
      boundary =
          std::any_of(rule.divisors.begin(), rule.divisors.end(), [n](int64_t d) { return n % d == 0; });
    }
    (boundary ? level : run_open_) = r + 1;
  }
  return level;
}

int32_t WordScanner::white_space(CharClass character, int64_t position) {
  int32_t level = 0;
  if (in_word_) {
    level = word_end();
  } else {
    for (auto& rule : rules_) rule.words = 0;  // two blanks: no rule counts across them
    if (run_ == Run::None) run_open_ = deepest_;
  }
  in_word_ = false;
  numbers_ = symbols_ = 0;
  if (after_symbols_ && character == CharClass::Newline) return level;
  after_symbols_ = false;
  if (character == CharClass::Newline) {
    if (run_ == Run::None) {
      level = deepest_;
    } else if (run_ == Run::Open && causal_) {
      level = run_open_;
    } else if (run_ == Run::Open) {
      out_[run_start_] = deepest_;
    }
    run_ = Run::Done;
  } else if (run_ == Run::None) {
    run_ = Run::Open;
    run_start_ = position;
  }
  return level;
}

inline int32_t WordScanner::read_character(CharClass character, int64_t position) {
  if (is_white_space(character)) return white_space(character, position);
  in_word_ = true;
  run_ = Run::None;
  after_symbols_ = character == CharClass::Symbol;
  int& group = after_symbols_ ? symbols_ : numbers_;
  int& other = after_symbols_ ? numbers_ : symbols_;
  other = 0;
  if (character == CharClass::Letter) {
    group = 0;
    return 0;
  }
  const bool first = group == 0;
  group = group == 2 ? 0 : group + 1;
  return first ? deepest_ : 0;
}

/// The held bytes before `position` are symbols of their own. Returns the level that this gives to
/// `position`.
int32_t WordScanner::broken_character(int64_t position) {
  int32_t level = 0;
  for (int64_t i = position - decoder_.pending(); i < position; ++i) {
    const int32_t own = read_character(CharClass::Symbol, i);
    if (causal_) {
      level = std::max(level, own);
    } else {
      out_[i] = own;
    }
  }
  decoder_.reset();
  return level;
}

int32_t WordScanner::read(uint8_t byte, int64_t position) {
  if (byte < 128 && decoder_.pending() == 0) return read_character(ascii_[byte], position);
  int32_t level = 0;
  auto result = decoder_.feed(byte);
  if (result == Utf8Decoder::Step::Broken) {
    level = broken_character(position);
    result = decoder_.feed(byte);
  }
  if (result == Utf8Decoder::Step::Character)
    level = std::max(level, read_character(classes_.of(decoder_.code()), position));
  if (result == Utf8Decoder::Step::Invalid)
    level = std::max(level, read_character(CharClass::Symbol, position));
  return level;
}

void WordScanner::levels(const int32_t* bytes, int64_t n, int32_t* out) {
  start();
  out_ = out;
  for (int64_t i = 0; i < n; ++i) out[i] = read(static_cast<uint8_t>(bytes[i]), i);
}

}  // namespace aunet
