#include "data/split_rules.h"

#include "core/error.h"
#include "data/official_rules.h"
#include "data/word_scanner.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

namespace aunet {
namespace {

// The official code cuts at most so many continuation bytes off the front.
constexpr int64_t kMaxLeadingContinuation = 5;

bool is_word(const SplitRule& rule) { return rule.name.starts_with("word"); }

WordScanner make_scanner(const std::vector<SplitRule>& rules, SplitMode mode) {
  std::vector<WordRule> words;
  for (const auto& rule : rules) {
    if (rule.name.starts_with("pretok") || rule.name.starts_with("punct")) {
      throw ConfigError(fmt::format(
          "split rule '{}={}': not implemented in causal mode yet; expected a word rule, or mode 'official'",
          rule.name, rule.value));
    }
    if (!is_word(rule)) {
      throw ConfigError(fmt::format("split rule '{}={}': unknown rule; expected a name that begins with word",
                                    rule.name, rule.value));
    }
    words.push_back(parse_word_rule(rule));
  }
  return WordScanner(words, mode);
}

std::variant<OfficialRules, WordScanner> make_engine(const std::vector<SplitRule>& rules, SplitMode mode) {
  if (rules.empty()) throw ConfigError("split: expected at least one rule, got none");
  if (mode == SplitMode::Official && !std::all_of(rules.begin(), rules.end(), is_word))
    return OfficialRules(rules);
  return make_scanner(rules, mode);
}

}  // namespace

struct Splitter::Impl {
  std::variant<OfficialRules, WordScanner> engine;
};

Splitter::Splitter(const std::vector<SplitRule>& rules, SplitMode mode)
    : impl_(new Impl{make_engine(rules, mode)}) {}
Splitter::~Splitter() = default;
Splitter::Splitter(Splitter&&) noexcept = default;

void Splitter::levels(const int32_t* ids, int64_t n, int32_t* out) const {
  int64_t i = 0;
  while (i < n) {
    require(ids[i] >= 0, "split: id below 0");
    if (ids[i] > 255) {
      out[i++] = 0;
      continue;
    }
    int64_t begin = i;
    const auto is_tail = [&](int64_t k) { return k < n && ids[k] >= 0x80 && ids[k] < 0xC0; };
    while (begin - i < kMaxLeadingContinuation && is_tail(begin)) out[begin++] = 0;
    i = begin;
    while (i < n && ids[i] <= 255) ++i;
    std::visit([&](auto& engine) { engine.levels(ids + begin, i - begin, out + begin); }, impl_->engine);
  }
}

std::vector<int32_t> Splitter::levels(const std::vector<int32_t>& ids) const {
  std::vector<int32_t> out(ids.size());
  levels(ids.data(), static_cast<int64_t>(ids.size()), out.data());
  return out;
}

}  // namespace aunet
