#include "config/split_rule.h"

#include "config/rule_file.h"
#include "core/error.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace aunet {
namespace {

bool is_count(std::string_view text) {
  return !text.empty() && text.size() <= 4 && text[0] != '0' &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

bool is_nothing(std::string_view text) { return text.empty(); }

/// G@M: a group size and a '-'-separated list of counts.
bool is_group_value(std::string_view value) {
  const std::vector<std::string> parts = split_on(value, '@');
  if (parts.size() != 2 || !is_count(parts[0])) return false;
  const std::vector<std::string> counts = split_on(parts[1], '-');
  return std::all_of(counts.begin(), counts.end(), [](const std::string& count) { return is_count(count); });
}

/// The rules that ship: a name that begins with `prefix` takes a value that `is_value` accepts.
struct RuleKind {
  std::string_view prefix;
  bool (*is_value)(std::string_view value);
};
constexpr std::array kRuleKinds = {RuleKind{"word", is_group_value},  RuleKind{"pretok", is_group_value},
                                   RuleKind{"punct", is_group_value}, RuleKind{"space", is_nothing},
                                   RuleKind{"every", is_count},       RuleKind{"chars", is_count},
                                   RuleKind{"script", is_count},      RuleKind{"file", is_file_value},
                                   RuleKind{"bpe", is_bpe_value},     RuleKind{"entropy", is_entropy_value}};

const RuleKind* find_kind(std::string_view name) {
  const auto kind = std::find_if(kRuleKinds.begin(), kRuleKinds.end(),
                                 [name](const RuleKind& k) { return name.starts_with(k.prefix); });
  return kind == kRuleKinds.end() ? nullptr : &*kind;
}

/// A rule that ships; throws for anything else.
SplitRule parse_rule(std::string_view entry, const std::string& where) {
  const size_t equals = entry.find('=');
  const std::string_view name = entry.substr(0, equals);
  const std::string_view value = equals == std::string_view::npos ? "" : entry.substr(equals + 1);
  const RuleKind* kind = find_kind(name);
  if (!kind || !is_rule_name(name) || !kind->is_value(value)) {
    throw ConfigError(fmt::format(
        "{}: expected rules like \"word1=1@1,word2=2@1\" with names that begin with {}, got \"{}\"", where,
        rule_kinds(), entry));
  }
  return {std::string(name), std::string(value)};
}

}  // namespace

std::vector<SplitRule> parse_split(const std::string& text, const std::string& where, const UserRules& user) {
  std::vector<SplitRule> rules;
  for (const std::string& part : split_on(text, ',')) {
    const std::string entry(trim(part));
    const auto own = user.find(entry);
    rules.push_back(own != user.end() ? own->second : parse_rule(entry, where));
  }
  return rules;
}

std::string to_string(const std::vector<SplitRule>& rules) {
  std::vector<std::string> parts;
  for (const SplitRule& rule : rules)
    parts.push_back(rule.value.empty() ? rule.name : rule.name + "=" + rule.value);
  return join(parts, ",");
}

std::vector<std::string> user_patterns(const std::vector<SplitRule>& rules) {
  std::vector<std::string> patterns;
  for (const SplitRule& rule : rules) {
    if (is_user_rule(rule)) patterns.insert(patterns.end(), {rule.start, rule.end});
  }
  return patterns;
}

std::vector<SplitRule> without_names(std::vector<SplitRule> rules) {
  for (SplitRule& rule : rules) {
    if (is_user_rule(rule)) rule.name = "user";
  }
  return rules;
}

bool is_rule_name(std::string_view name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

std::string_view kind_of_rule(std::string_view name) {
  const RuleKind* kind = find_kind(name);
  return kind ? kind->prefix : "";
}

std::string rule_kinds() {
  std::string text;
  for (size_t i = 0; i < kRuleKinds.size(); ++i) {
    if (i > 0) text += i + 1 == kRuleKinds.size() ? " or " : ", ";
    text += kRuleKinds[i].prefix;
  }
  return text;
}

std::string to_string(SplitMode mode) { return mode == SplitMode::Official ? "official" : "causal"; }

}  // namespace aunet
