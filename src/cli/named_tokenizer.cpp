#include "cli/named_tokenizer.h"

#include "config/rule_file.h"
#include "core/error.h"

#include <fmt/format.h>

#include <algorithm>

namespace aunet {

Bpe load_named_tokenizer(const std::string& text) {
  const auto at = text.rfind('@');
  const std::string name = at == std::string::npos ? "" : text.substr(at + 1);
  const auto& names = bpe_pattern_names();
  if (std::find(names.begin(), names.end(), name) == names.end())
    return Bpe::load(text, "");  // an '@' of the path
  return Bpe::load(text.substr(0, at), name);
}

std::vector<SplitRule> resolved_rules(const std::string& text, const std::string& option) {
  std::vector<SplitRule> rules = parse_split(text, option);
  resolve_rule_files(rules, "", {}, option);
  return rules;
}

SplitMode parse_mode(const std::string& text) {
  if (text == "causal") return SplitMode::Causal;
  if (text == "official") return SplitMode::Official;
  throw ConfigError(fmt::format("--mode: expected causal or official, got '{}'", text));
}

}  // namespace aunet
