#include "config/user_rules.h"

#include "config/reader.h"
#include "config/sections.h"
#include "config/toml_file.h"
#include "core/regex.h"

#include <fmt/format.h>

#include <cctype>

namespace aunet {
namespace {

/// What makes a match begin elsewhere than where its text does; "" in most patterns.
std::string_view moved_start(std::string_view pattern) {
  for (size_t i = 0; i + 1 < pattern.size(); ++i) {
    const std::string_view two = pattern.substr(i, 2);
    if (two == "\\G" || two == "\\K") return two;
    if (two == "(*" && i + 2 < pattern.size() &&
        (std::isalpha(static_cast<unsigned char>(pattern[i + 2])) || pattern[i + 2] == ':'))
      return two;
    if (two[0] == '\\') ++i;
  }
  return "";
}

void read_regex(const Table& t, std::string_view key, std::string& pattern) {
  if (!t.read(key, pattern)) return;
  if (pattern.empty()) t.fail(key, "expected a regular expression, got \"\"");
  const std::string where = place_of(t.find(key)->source()) + ": " + t.path_of(key);
  const Regex compiled(pattern, where);
  if (const auto found = moved_start(pattern); !found.empty())
    t.fail(key, fmt::format("expected a regular expression without {}, got \"{}\"", found, pattern));
}

}  // namespace

UserRules read_user_rules(const Table& root) {
  UserRules rules;
  const toml::node* node = root.find("split");
  if (!node) return rules;
  if (!node->is_table()) root.fail_expected("split", "tables [split.NAME]");
  const toml::table& tables = *node->as_table();
  std::vector<std::string_view> names;
  for (auto it = tables.begin(); it != tables.end(); ++it) names.push_back(it->first.str());
  const Table split(tables, "split", names);
  for (const std::string_view name : names) {
    if (!is_rule_name(name) || !kind_of_rule(name).empty())
      split.fail(name,
                 fmt::format("expected a name of letters, digits and _ that does not begin with {}, got "
                             "\"{}\"",
                             rule_kinds(), name));
    const Table t = split.table(name, {"start", "end"});
    if (!t.has("start") && !t.has("end"))
      split.fail(name, "expected start or end, a regular expression each, got neither");
    SplitRule rule;
    rule.name = name;
    read_regex(t, "start", rule.start);
    read_regex(t, "end", rule.end);
    rules.emplace(name, rule);
  }
  return rules;
}

UserRules read_user_rules(const std::string& path) {
  const toml::table parsed = parse_toml(read_config_text(path), path, {});
  return read_user_rules(Table(parsed, "", {"split"}, path + ":1:1"));
}

}  // namespace aunet
