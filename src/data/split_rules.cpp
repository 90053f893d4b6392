#include "data/split_rules.h"

#include "core/error.h"
#include "data/causal_rules.h"
#include "data/official_rules.h"
#include "data/utf8.h"
#include "data/word_scanner.h"

#include <algorithm>
#include <variant>

namespace aunet {
namespace {

using Engine = std::variant<OfficialRules, WordScanner, CausalRules>;

Engine make_engine(const std::vector<SplitRule>& rules, SplitMode mode) {
  if (mode == SplitMode::Causal) return CausalRules(rules);
  if (all_word_rules(rules)) return WordScanner(rules, mode);
  return OfficialRules(rules);
}

}  // namespace

struct Splitter::Impl {
  Engine engine;
  bool from_file;
};

Splitter::Splitter(const std::vector<SplitRule>& rules, SplitMode mode)
    : impl_(new Impl{make_engine(rules, mode),
                     std::any_of(rules.begin(), rules.end(),
                                 [](const SplitRule& rule) { return kind_of_rule(rule.name) == "file"; })}) {}
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
    const auto is_tail = [&](int64_t k) {
      return k < n && ids[k] <= 255 && is_continuation(static_cast<uint8_t>(ids[k]));
    };
    while (begin - i < kMaxLeadingContinuation && is_tail(begin)) out[begin++] = 0;
    i = begin;
    while (i < n && ids[i] <= 255) ++i;
    std::visit([&](auto& engine) { engine.levels(ids + begin, i - begin, out + begin); }, impl_->engine);
  }
}

bool Splitter::from_file() const { return impl_->from_file; }

std::vector<int32_t> Splitter::levels(const std::vector<int32_t>& ids) const {
  std::vector<int32_t> out(ids.size());
  levels(ids.data(), static_cast<int64_t>(ids.size()), out.data());
  return out;
}

}  // namespace aunet
