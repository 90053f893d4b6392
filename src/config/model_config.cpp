#include "config/model_config.h"

#include "core/error.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace aunet {
namespace {

constexpr std::array<std::string_view, 3> kRuleKinds = {"word", "pretok", "punct"};

bool is_count(std::string_view text) {
  return !text.empty() && text.size() <= 4 && text[0] != '0' &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

/// G@M: a group size and a '-'-separated list of counts.
bool is_group_value(std::string_view value) {
  const std::vector<std::string> parts = split_on(value, '@');
  if (parts.size() != 2 || !is_count(parts[0])) return false;
  const std::vector<std::string> counts = split_on(parts[1], '-');
  return std::all_of(counts.begin(), counts.end(), [](const std::string& count) { return is_count(count); });
}

bool is_rule_name(std::string_view name) {
  const bool known = std::any_of(kRuleKinds.begin(), kRuleKinds.end(),
                                 [&](std::string_view kind) { return name.starts_with(kind); });
  return known &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

}  // namespace

std::vector<SplitRule> parse_split(const std::string& text, const std::string& where) {
  std::vector<SplitRule> rules;
  for (const std::string& part : split_on(text, ',')) {
    const std::string_view entry = trim(part);
    const size_t equals = entry.find('=');
    const std::string_view name = entry.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? "" : entry.substr(equals + 1);
    if (!is_rule_name(name) || !is_group_value(value)) {
      throw ConfigError(
          fmt::format("{}: expected rules like \"word1=1@1,word2=2@1\" with names that begin with word, "
                      "pretok or punct, got \"{}\"",
                      where, entry));
    }
    rules.push_back({std::string(name), std::string(value)});
  }
  return rules;
}

std::string to_string(const std::vector<SplitRule>& rules) {
  std::vector<std::string> parts;
  for (const SplitRule& rule : rules) parts.push_back(rule.name + "=" + rule.value);
  return join(parts, ",");
}

std::string to_string(SplitMode mode) { return mode == SplitMode::Official ? "official" : "causal"; }

int64_t default_head_dim(int64_t dim) {
  for (int64_t width = std::min<int64_t>(64, dim); width >= 2; --width) {
    if (width % 2 == 0 && dim % width == 0) return width;
  }
  return dim;
}

int64_t ffn_hidden(int64_t dim, int64_t multiple_of) {
  const int64_t hidden = 8 * dim / 3;
  return (hidden + multiple_of - 1) / multiple_of * multiple_of;
}

std::string kind_of(const ModelConfig& model) {
  const auto* transformer = std::get_if<TransformerConfig>(&model);
  if (!transformer) return "aunet";
  return transformer->tokenizer.kind == "bytes" ? "bytes" : "llama";
}

int64_t begin_id(const ModelConfig& model) {
  const auto* transformer = std::get_if<TransformerConfig>(&model);
  return transformer && transformer->tokenizer.kind == "bpe" ? transformer->tokenizer.vocab : 256;
}

int64_t end_id(const ModelConfig& model) { return begin_id(model) + 1; }

}  // namespace aunet
