#include "data/make_boundary_rule.h"

#include "config/rule_file.h"
#include "core/error.h"
#include "data/bpe_hook.h"
#include "data/entropy_rule.h"
#include "data/pretok_rule.h"
#include "data/punct_rule.h"
#include "data/script_rule.h"
#include "data/simple_rules.h"
#include "data/user_rule.h"
#include "data/word_scanner.h"

#include <fmt/format.h>

#include <charconv>
#include <string>

namespace aunet {
namespace {

/// One word rule among others.
class WordBoundary : public BoundaryRule {
 public:
  explicit WordBoundary(const SplitRule& rule) : scanner_({rule}, SplitMode::Causal) {}
  void start() override { scanner_.start(); }
  bool step(uint8_t byte) override { return scanner_.step(byte) > 0; }

 private:
  WordScanner scanner_;
};

std::unique_ptr<BoundaryRule> make_entropy_rule(const SplitRule& rule) {
  const RuleFile file = rule_file(rule);
  check_rule_file(rule);
  return std::make_unique<EntropyRule>(EntropyModel::load(file.path), std::stod(file.parameter));
}

/// N of `every`, `chars` and `script`.
int64_t count_of(const SplitRule& rule) {
  int64_t n = 0;
  const char* end = rule.value.data() + rule.value.size();
  const auto [stop, error] = std::from_chars(rule.value.data(), end, n);
  if (error != std::errc() || stop != end || n < 1)
    throw ConfigError(fmt::format("split rule '{}={}': expected a number from 1 on, as in '{}=4'", rule.name,
                                  rule.value, rule.name));
  return n;
}

}  // namespace

std::unique_ptr<BoundaryRule> make_boundary_rule(const SplitRule& rule) {
  if (is_user_rule(rule)) return std::make_unique<UserRule>(rule);
  const auto kind = kind_of_rule(rule.name);
  if (kind == "word") return std::make_unique<WordBoundary>(rule);
  if (kind == "pretok") return std::make_unique<PretokRule>();
  if (kind == "punct") return std::make_unique<PunctRule>();
  if (kind == "every") return make_every_rule(count_of(rule));
  if (kind == "chars") return make_chars_rule(count_of(rule));
  if (kind == "space") return make_space_rule();
  if (kind == "script")
    return std::make_unique<ScriptRule>(count_of(rule), make_boundary_rule({"word1", "1@1"}));
  if (kind == "entropy") return make_entropy_rule(rule);
  if (kind == "bpe") return bpe_rules().causal(rule);
  if (kind == "file")
    throw ConfigError(
        fmt::format("split rule '{}={}': boundaries from a file may look ahead; expected mode "
                    "\"official\", got \"causal\"",
                    rule.name, rule.value));
  throw ConfigError(fmt::format("split rule '{}={}': unknown rule; expected a name that begins with {}",
                                rule.name, rule.value, rule_kinds()));
}

}  // namespace aunet
