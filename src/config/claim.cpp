#include "config/claim.h"

#include "config/sections.h"
#include "config/toml_file.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <map>

namespace aunet {
namespace {

void need_text(const Table& t, std::string_view key, const std::string& expected, std::string& value) {
  t.need(key, expected);
  t.read(key, value);
  if (trim(value).empty()) t.fail_expected(key, expected);
}

void read_names(const Table& t, std::string_view key, int64_t n, std::string_view per,
                std::vector<std::string>& names) {
  if (!t.read_list(key, names, {}, n, per)) return;
  if (names.empty()) t.fail(key, "expected at least one name, got none");
  for (size_t i = 0; i < names.size(); ++i) {
    if (std::find(names.begin(), names.begin() + int64_t(i), names[i]) != names.begin() + int64_t(i))
      t.fail(key, fmt::format("expected each name once, got \"{}\" twice", names[i]));
  }
}

bool is_paired(const std::string& estimand) {
  return estimand != "log_multiplier" && estimand != "log_multiplier_slope";
}

ClaimTest read_test(const toml::table& table, size_t index) {
  const Table t(
      table, fmt::format("test.{}", index),
      {"estimand", "families", "minus", "splits", "relative_to", "decision", "margin", "margin_words"});
  ClaimTest test;
  t.need("estimand", "what is measured, like \"log_multiplier\"");
  t.read_choice("estimand", test.estimand,
                {"log_multiplier", "log_multiplier_slope", "loss_difference", "robustness", "transfer"});
  t.need("families", "two families, [a, b]");
  read_names(t, "families", 2, "a and b", test.families);
  for (const char* key : {"minus", "splits", "relative_to"}) {
    if (t.has(key) && !is_paired(test.estimand))
      t.fail(key, fmt::format("expected nothing, because {} has no pairs of runs", test.estimand));
  }
  read_names(t, "minus", 2, "two families", test.minus);
  const bool of_other_text = test.estimand == "robustness" || test.estimand == "transfer";
  if (of_other_text) t.need("splits", "the names of evaluations, like [\"typos\"]");
  if (is_paired(test.estimand)) test.splits = {"heldout"};
  read_names(t, "splits", -1, "", test.splits);
  if (of_other_text) test.relative_to = {"heldout"};
  read_names(t, "relative_to", -1, "", test.relative_to);
  for (const std::string& split : test.relative_to) {
    if (std::find(test.splits.begin(), test.splits.end(), split) != test.splits.end())
      t.fail("splits", fmt::format("expected evaluations apart from relative_to, got \"{}\" in both", split));
  }
  t.need("decision", "\"equivalence\" or \"superiority\"");
  t.read_choice("decision", test.decision, {"equivalence", "superiority"});
  t.need("margin", "the smallest effect that matters, a number > 0");
  t.read("margin", test.margin, above(0));
  need_text(t, "margin_words", "the margin in words, like \"a factor 1.2 of compute\"", test.margin_words);
  return test;
}

void read_scale(const Table& root, ClaimScale& scale) {
  const Table t = root.table("scale", {"source_flops", "min_flops", "min_budgets", "min_decades"});
  t.read_list("source_flops", scale.source_flops, above(0), 2, "lowest and highest");
  if (!scale.source_flops.empty() && scale.source_flops[1] < scale.source_flops[0])
    t.fail("source_flops", "expected the lowest first");
  t.read("min_flops", scale.min_flops, above(0));
  t.read("min_budgets", scale.min_budgets, within(3, 1000));
  t.read("min_decades", scale.min_decades, above(0));
}

void read_untestable(const Table& root, const Table& t, ClaimSpec& claim) {
  need_text(t, "reason", "why nothing here can test it", claim.reason);
  for (const char* key : {"sweep", "exclude"}) {
    if (t.has(key)) t.fail(key, "expected nothing, because testable = false");
  }
  for (const char* key : {"scale", "test"}) {
    if (root.has(key)) root.fail(key, "expected nothing, because testable = false");
  }
}

}  // namespace

ClaimSpec parse_claim(const std::string& toml_text, const std::string& file_name) {
  const toml::table parsed = parse_toml(toml_text, file_name, {});
  const Table root(parsed, "", {"claim", "scale", "test"}, file_name + ":1:1");
  root.need("claim", "a table with an id");
  const Table t =
      root.table("claim", {"id", "statement", "source", "testable", "reason", "sweep", "exclude"});
  ClaimSpec claim;
  claim.file = file_name;
  claim.text = toml_text;
  t.need("id", "a name");
  t.read("id", claim.id);
  check_name(t, "id", claim.id);
  need_text(t, "statement", "a sentence that can be wrong", claim.statement);
  need_text(t, "source", "who says so, with the page, section or table", claim.source);
  t.read("testable", claim.testable);
  if (!claim.testable) {
    read_untestable(root, t, claim);
    return claim;
  }
  if (t.has("reason")) t.fail("reason", "expected nothing, because the claim is testable");
  need_text(t, "sweep", "the name of the sweep that tests it", claim.sweep);
  t.read_list("exclude", claim.exclude);
  read_scale(root, claim.scale);
  const std::vector<const toml::table*> tests = root.tables("test");
  if (tests.empty()) root.fail("test", "expected at least one [[test]], got none");
  for (size_t i = 0; i < tests.size(); ++i) claim.tests.push_back(read_test(*tests[i], i));
  return claim;
}

ClaimSpec read_claim(const std::string& path) { return parse_claim(read_config_text(path), path); }

std::string canonical(const ClaimSpec& claim) {
  nlohmann::json json = {{"id", claim.id}, {"statement", claim.statement}, {"source", claim.source}};
  const auto set = [](nlohmann::json& object, const char* key, const auto& value, const auto& neutral) {
    if (!(value == neutral)) object[key] = value;
  };
  using Names = std::vector<std::string>;
  set(json, "testable", claim.testable, true);
  set(json, "reason", claim.reason, std::string());
  set(json, "sweep", claim.sweep, std::string());
  set(json, "exclude", claim.exclude, Names());
  const ClaimScale neutral;
  set(json, "source_flops", claim.scale.source_flops, neutral.source_flops);
  set(json, "min_flops", claim.scale.min_flops, neutral.min_flops);
  set(json, "min_budgets", claim.scale.min_budgets, neutral.min_budgets);
  set(json, "min_decades", claim.scale.min_decades, neutral.min_decades);
  for (const ClaimTest& test : claim.tests) {
    nlohmann::json one = {{"estimand", test.estimand},
                          {"families", test.families},
                          {"decision", test.decision},
                          {"margin", test.margin},
                          {"margin_words", test.margin_words}};
    set(one, "minus", test.minus, Names());
    set(one, "splits", test.splits, Names());
    set(one, "relative_to", test.relative_to, Names());
    json["tests"].push_back(one);
  }
  return json.dump();
}

std::string claim_hash(const ClaimSpec& claim) { return hash_hex(canonical(claim)).substr(0, 16); }

std::vector<ClaimSpec> read_claims(const std::vector<std::string>& paths) {
  std::vector<ClaimSpec> claims;
  std::map<std::string, std::string> files;  // by id
  const auto add = [&](const std::string& path) {
    ClaimSpec claim = read_claim(path);
    const auto [other, is_new] = files.emplace(claim.id, path);
    if (!is_new) {
      throw ConfigError(fmt::format("{}: claim.id: expected ids of their own, got \"{}\" in {} as well", path,
                                    claim.id, other->second));
    }
    claims.push_back(std::move(claim));
  };
  for (const std::string& path : paths) {
    if (!std::filesystem::is_directory(path)) {
      add(path);
      continue;
    }
    for (const std::string& name : list_directory(path)) {
      if (name.ends_with(".toml") && !name.ends_with(".sweep.toml")) add(path + "/" + name);
    }
  }
  return claims;
}

}  // namespace aunet
