#include "data/official_rules.h"

#include "core/error.h"
#include "data/utf8.h"
#include "data/word_scanner.h"

#include <fmt/format.h>

#include <algorithm>

namespace aunet {
namespace {

// arXiv 2506.14761 appendix B, and the released code where it differs (paper.md 1.3).
constexpr const char* kWordStarts = R"(\p{N}{1,3}|(?:[^\s\p{L}\p{N}]{1,3}[\r\n]*)|\s*[\r\n])";
constexpr const char* kWordEnds = R"((?:\S+?\s){{{}}})";
constexpr const char* kPretok =
    R"((?: ?\p{L}{1,16})|\p{N}{1,3}| ?(?:[^\s\p{L}\p{N}]){1,3}+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)";
constexpr const char* kPunct =
    R"(\d{1,3}(?=(?:\d{3})+(?!\d))|\d{1,3}(?=\D|$)|(?:[^\s\p{L}\p{N}]){1,3}+[\r\n]*|\s*[\r\n])";

}  // namespace

OfficialRules::Rule OfficialRules::compile(const SplitRule& rule) {
  Rule out;
  if (is_user_rule(rule)) {
    if (!rule.start.empty()) out.starts.emplace(rule.start, fmt::format("split.{}.start", rule.name));
    if (!rule.end.empty()) out.ends.emplace(rule.end, fmt::format("split.{}.end", rule.name));
    return out;
  }
  const std::string where = fmt::format("split rule '{}={}'", rule.name, rule.value);
  const auto kind = kind_of_rule(rule.name);
  if (kind == "word") {
    const WordRule word = parse_word_rule(rule);
    out.starts.emplace(kWordStarts, where);
    out.ends.emplace(fmt::format(kWordEnds, word.group), where);
    out.divisors = word.divisors;
  } else if (kind == "pretok") {
    out.starts.emplace(kPretok, where);
  } else if (kind == "punct") {
    out.starts.emplace(kPunct, where);
  } else {
    out.whole = make_segment_rule(rule);
  }
  return out;
}

OfficialRules::OfficialRules(const std::vector<SplitRule>& rules) {
  if (rules.empty()) throw ConfigError("split: expected at least one rule, got none");
  for (const auto& rule : rules) rules_.push_back(compile(rule));
}

void OfficialRules::decode(const int32_t* bytes, int64_t n) {
  text_.clear();
  last_byte_.clear();
  const auto add = [this](uint32_t code, int64_t byte) {
    append_utf8(code, text_);
    last_byte_.resize(text_.size(), static_cast<int32_t>(byte));
  };
  Utf8Decoder decoder;
  for (int64_t i = 0; i < n; ++i) {
    auto result = decoder.feed(static_cast<uint8_t>(bytes[i]));
    if (result == Utf8Decoder::Step::Broken) {
      for (int64_t k = i - decoder.pending(); k < i; ++k) add(0xFFFD, k);
      decoder.reset();
      result = decoder.feed(static_cast<uint8_t>(bytes[i]));
    }
    if (result == Utf8Decoder::Step::Character) add(decoder.code(), i);
    if (result == Utf8Decoder::Step::Invalid) add(0xFFFD, i);
  }
}

void OfficialRules::levels(const int32_t* bytes, int64_t n, int32_t* out) {
  std::fill(out, out + n, 0);
  const auto reads_bytes = [](const Rule& rule) { return rule.whole != nullptr; };
  if (std::any_of(rules_.begin(), rules_.end(), reads_bytes)) raw_.assign(bytes, bytes + n);
  if (!std::all_of(rules_.begin(), rules_.end(), reads_bytes)) decode(bytes, n);
  for (size_t r = 0; r < rules_.size(); ++r) {
    const auto& rule = rules_[r];
    const auto level = static_cast<int32_t>(r + 1);  // later rules are deeper, so the last hit stays
    if (rule.whole) {
      for (const int64_t at : rule.whole->boundaries(raw_)) out[at] = level;
    }
    if (rule.starts) {
      for (RegexMatcher match(*rule.starts, text_); match.next();) out[last_byte_[match.begin()]] = level;
    }
    if (!rule.ends) continue;
    int64_t n_match = 0;
    for (RegexMatcher match(*rule.ends, text_); match.next(); ++n_match) {
      const auto divides = [n_match](int64_t d) { return n_match % d == 0; };
      if (std::any_of(rule.divisors.begin(), rule.divisors.end(), divides))
        out[last_byte_[match.end() - 1]] = level;
    }
  }
}

}  // namespace aunet
