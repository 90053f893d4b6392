#include "config/rule_file.h"

#include "config/sections.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace aunet {
namespace {

/// A tokenizer.json has a pattern of its own; the name for it goes with the rule when its file is copied to a
/// run, where it has another path.
const char* default_pattern(const std::string& path) { return path.ends_with(".json") ? "json" : "gpt2"; }

constexpr double kMostBits = 8;  // of a byte

std::string joined(const RuleFile& file) {
  return file.parameter.empty() ? file.path : file.path + "@" + file.parameter;
}

RuleFile parts_of(std::string_view value) {
  const size_t at = value.rfind('@');
  if (at == std::string_view::npos) return {std::string(value), ""};
  return {std::string(value.substr(0, at)), std::string(value.substr(at + 1))};
}

bool is_threshold(std::string_view text) {
  double bits = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
  return error == std::errc() && end == text.data() + text.size() && bits >= 0 && bits <= kMostBits;
}

}  // namespace

bool is_file_value(std::string_view value) { return !value.empty(); }

bool is_bpe_value(std::string_view value) {
  const RuleFile file = parts_of(value);
  return !file.path.empty() && (value.find('@') == std::string_view::npos || !file.parameter.empty());
}

bool is_entropy_value(std::string_view value) {
  const RuleFile file = parts_of(value);
  return !file.path.empty() && is_threshold(file.parameter);
}

bool reads_file(const SplitRule& rule) {
  const auto kind = is_user_rule(rule) ? std::string_view() : kind_of_rule(rule.name);
  return kind == "file" || kind == "bpe" || kind == "entropy";
}

RuleFile rule_file(const SplitRule& rule) {
  require(reads_file(rule), "rule_file: the rule reads none");
  if (kind_of_rule(rule.name) == "file") return {rule.value, ""};
  RuleFile file = parts_of(rule.value);
  if (file.parameter.empty()) file.parameter = default_pattern(file.path);
  return file;
}

SplitRule with_path(SplitRule rule, const std::string& path) {
  rule.value = joined({path, rule_file(rule).parameter});
  return rule;
}

void resolve_rule_files(std::vector<SplitRule>& rules, const std::string& base_folder,
                        const std::vector<std::string>& fingerprints, const std::string& where) {
  require(fingerprints.empty() || fingerprints.size() == rules.size(),
          "resolve_rule_files: a fingerprint per rule is needed");
  for (size_t i = 0; i < rules.size(); ++i) {
    SplitRule& rule = rules[i];
    if (!reads_file(rule)) continue;
    const std::string path = resolve_path(rule_file(rule).path, base_folder);
    rule = with_path(rule, path);
    if (!fingerprints.empty()) rule.fingerprint = fingerprints[i];
    if (!rule.fingerprint.empty()) continue;
    if (!exists(path))
      throw ConfigError(
          fmt::format("{}: expected the file of rule '{}', got no such file: {}", where, rule.name, path));
    rule.fingerprint = hash_file(path);
  }
}

std::vector<std::string> rule_fingerprints(const std::vector<SplitRule>& rules) {
  if (std::none_of(rules.begin(), rules.end(), reads_file)) return {};
  std::vector<std::string> all;
  for (const SplitRule& rule : rules) all.push_back(rule.fingerprint);
  return all;
}

std::vector<SplitRule> without_paths(std::vector<SplitRule> rules) {
  for (SplitRule& rule : rules) {
    if (reads_file(rule)) rule = with_path(rule, rule.fingerprint);
  }
  return rules;
}

std::string split_identity(const std::vector<SplitRule>& rules, SplitMode mode) {
  for (const SplitRule& rule : rules)
    require(!reads_file(rule) || !rule.fingerprint.empty(),
            "split_identity: a rule's file has no fingerprint");
  std::string identity = to_string(without_names(without_paths(rules))) + " " + to_string(mode);
  for (const std::string& pattern : user_patterns(rules)) identity += "\n" + pattern;
  return identity;
}

void check_rule_file(const SplitRule& rule) {
  const RuleFile file = rule_file(rule);
  if (!exists(file.path))
    throw ConfigError(
        fmt::format("split rule '{}': expected its file, got no such file: {}", rule.name, file.path));
  if (rule.fingerprint.empty()) return;
  const std::string got = hash_file(file.path);
  if (got != rule.fingerprint)
    throw ConfigError(
        fmt::format("{}: expected the file that the run was planned with (hash {}), got another ({})",
                    file.path, rule.fingerprint, got));
}

}  // namespace aunet
