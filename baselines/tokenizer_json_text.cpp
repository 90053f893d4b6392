#include "baselines/byte_alphabet.h"
#include "baselines/onig_pattern.h"
#include "baselines/tokenizer_json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace aunet {
namespace {

constexpr const char* kPlainByteLevel =
    R"({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": )";

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string pre_tokenizer(const BpePattern& pattern) {
  if (pattern.name == "gpt2") return fmt::format("{}true}}", kPlainByteLevel);
  return fmt::format(
      R"({{"type": "Sequence", "pretokenizers": [)"
      R"({{"type": "Split", "pattern": {{"Regex": {}}}, "behavior": "Isolated", "invert": false}}, {}false}}]}})",
      quoted(onig_of_pattern(pattern)), kPlainByteLevel);
}

std::string added_tokens(const BpeParts& parts) {
  std::string text;
  for (const auto& [id, content] : parts.texts)
    text += fmt::format(R"({}
    {{"id": {}, "content": {}, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, )"
                        R"("special": true}})",
                        text.empty() ? "" : ",", id, quoted(content));
  return text;
}

std::string vocabulary(const BpeParts& parts) {
  std::string text;
  auto special = parts.texts.begin();
  const auto add = [&](const std::string& spelling, int64_t id) {
    text += fmt::format("{}\n      {}: {}", text.empty() ? "" : ",", quoted(spelling), id);
  };
  for (size_t id = 0; id < parts.tokens.size(); ++id) {
    for (; special != parts.texts.end() && special->first <= static_cast<int64_t>(id); ++special)
      add(special->second, special->first);
    if (!parts.tokens[id].empty()) add(letters_of_bytes(parts.tokens[id]), static_cast<int64_t>(id));
  }
  for (; special != parts.texts.end(); ++special) add(special->second, special->first);
  return text;
}

}  // namespace

std::string tokenizer_json_text(const BpeParts& parts) {
  bool whole_pieces = parts.whole_pieces;
  std::vector<BpeMerge> list;
  if (parts.merges) {
    list = *parts.merges;
  } else {
    DerivedMerges derived = derive_merges(parts.tokens);
    whole_pieces =
        derived.n_unreached > 0;  // else merges give every token, and old readers do not know the key
    list = std::move(derived.merges);
  }
  std::string merges;
  for (const BpeMerge& merge : list) {
    const auto& left = parts.tokens[static_cast<size_t>(merge.left)];
    const auto& right = parts.tokens[static_cast<size_t>(merge.right)];
    merges += fmt::format("{}\n      {}", merges.empty() ? "" : ",",
                          quoted(letters_of_bytes(left) + " " + letters_of_bytes(right)));
  }
  return fmt::format(R"({{
  "version": "1.0",
  "truncation": null,
  "padding": null,
  "added_tokens": [{}],
  "normalizer": null,
  "pre_tokenizer": {},
  "post_processor": null,
  "decoder": {}true}},
  "model": {{
    "type": "BPE",
    "dropout": null,
    "unk_token": null,
    "continuing_subword_prefix": null,
    "end_of_word_suffix": null,
    "fuse_unk": false,
    "byte_fallback": false,
    "ignore_merges": {},
    "vocab": {{{}
    }},
    "merges": [{}
    ]
  }}
}}
)",
                     added_tokens(parts), pre_tokenizer(parts.pattern), kPlainByteLevel, whole_pieces,
                     vocabulary(parts), merges);
}

}  // namespace aunet
