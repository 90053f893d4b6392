#include "data/bpe_hook.h"

#include "core/error.h"

namespace aunet {
namespace {

BpeRules g_rules;

}  // namespace

void set_bpe_rules(const BpeRules& rules) { g_rules = rules; }

const BpeRules& bpe_rules() {
  require(g_rules.causal != nullptr && g_rules.segment != nullptr,
          "split rule bpe: this binary did not install it (baselines/bpe_rule.h)");
  return g_rules;
}

}  // namespace aunet
