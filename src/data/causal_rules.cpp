#include "data/causal_rules.h"

#include "core/error.h"
#include "data/make_boundary_rule.h"

namespace aunet {

CausalRules::CausalRules(const std::vector<SplitRule>& rules) {
  if (rules.empty()) throw ConfigError("split: expected at least one rule, got none");
  if (all_word_rules(rules)) {
    words_.emplace(rules, SplitMode::Causal);
    return;
  }
  for (const auto& rule : rules) any_.push_back(make_boundary_rule(rule));
}

void CausalRules::start() {
  if (words_) words_->start();
  for (const auto& rule : any_) rule->start();
}

int32_t CausalRules::step(uint8_t byte) {
  if (words_) return words_->step(byte);
  int32_t level = 0, depth = 0;
  for (const auto& rule : any_) {
    ++depth;
    if (rule->step(byte)) level = depth;
  }
  return level;
}

void CausalRules::levels(const int32_t* bytes, int64_t n, int32_t* out) {
  if (words_) return words_->levels(bytes, n, out);
  start();
  for (int64_t i = 0; i < n; ++i) out[i] = step(static_cast<uint8_t>(bytes[i]));
}

}  // namespace aunet
