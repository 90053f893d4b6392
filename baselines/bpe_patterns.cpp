#include "baselines/bpe.h"

#include "core/error.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace aunet {
namespace {

struct Pattern {
  std::string name, regex;
};

const std::vector<Pattern>& patterns() {
  static const std::vector<Pattern> all = {
      {"gpt2", R"('(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s)"},
      {"cl100k_base",
       R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n])"
       R"(|\s+(?!\S)|\s)"},
      {"o200k_base",
       R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
       R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
       R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
      {"llama3",
       R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+)"
       R"(|\s+(?!\S)|\s+)"},
  };
  return all;
}

}  // namespace

const std::vector<std::string>& bpe_pattern_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (const auto& pattern : patterns()) out.push_back(pattern.name);
    return out;
  }();
  return names;
}

const std::string& bpe_pattern(const std::string& name) {
  const auto found =
      std::find_if(patterns().begin(), patterns().end(), [&](const Pattern& p) { return p.name == name; });
  if (found != patterns().end()) return found->regex;
  const auto nearest = nearest_name(name, bpe_pattern_names());
  throw ConfigError(fmt::format("pattern: expected one of {}, got '{}'{}", join(bpe_pattern_names(), ", "),
                                name, nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest)));
}

std::map<int32_t, std::string> published_specials(const std::string& pattern_name, size_t n_ranks) {
  if (pattern_name == "gpt2" && n_ranks == 50256) return {{50256, "<|endoftext|>"}};
  if (pattern_name == "cl100k_base" && n_ranks == 100256) {
    return {{100257, "<|endoftext|>"},
            {100258, "<|fim_prefix|>"},
            {100259, "<|fim_middle|>"},
            {100260, "<|fim_suffix|>"},
            {100276, "<|endofprompt|>"}};
  }
  if (pattern_name == "o200k_base" && n_ranks == 199998)
    return {{199999, "<|endoftext|>"}, {200018, "<|endofprompt|>"}};
  std::map<int32_t, std::string> specials;
  if (pattern_name != "llama3" || n_ranks != 128000) return specials;
  int32_t next = 128000;
  for (const char* name : {"begin_of_text", "end_of_text", "reserved_special_token_0",
                           "reserved_special_token_1", "finetune_right_pad_id", "step_id", "start_header_id",
                           "end_header_id", "eom_id", "eot_id", "python_tag", "image"})
    specials[next++] = fmt::format("<|{}|>", name);
  for (int reserved = 2; next < 128256; ++reserved)
    specials[next++] = fmt::format("<|reserved_special_token_{}|>", reserved);
  return specials;
}

}  // namespace aunet
