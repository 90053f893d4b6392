#include "baselines/tokenizer_json.h"

#include "baselines/byte_alphabet.h"
#include "baselines/onig_pattern.h"
#include "core/error.h"
#include "core/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <unordered_map>

namespace aunet {
namespace {

using Json = nlohmann::json;

constexpr int64_t kMaxId = 10'000'000;  // as in rank files: far above any vocabulary

/// What was found, short enough for one line.
std::string found(const Json& value) {
  if (value.is_structured() || value.is_binary() || value.is_discarded()) return value.type_name();
  const std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() <= 40 ? text : text.substr(0, 40) + "...";
}

/// A value of the file and the way to it.
class Node {
 public:
  Node(const Json& json, const std::string& file, std::string path = "")
      : json_(&json), file_(&file), path_(std::move(path)) {}

  const Json& json() const { return *json_; }
  bool is_null() const { return json_->is_null(); }
  [[noreturn]] void fail(std::string_view expected) const { fail(expected, found(*json_)); }
  [[noreturn]] void fail(std::string_view expected, std::string_view got) const {
    throw ConfigError(
        fmt::format("{}: {}{}expected {}, got {}", *file_, path_, path_.empty() ? "" : ": ", expected, got));
  }
  std::string where() const { return fmt::format("{}: {}", *file_, path_); }

  /// The value of a key, null when it is not there.
  Node at(const std::string& key) const {
    static const Json kNull;
    const auto value = json_->find(key);
    return {value == json_->end() ? kNull : *value, *file_, path_.empty() ? key : path_ + "." + key};
  }
  Node at(size_t i) const { return {(*json_)[i], *file_, fmt::format("{}[{}]", path_, i)}; }

  const Node& object(const std::vector<std::string>& keys = {}) const {
    if (!json_->is_object()) fail("an object");
    for (auto it = json_->begin(); it != json_->end() && !keys.empty(); ++it) {
      if (std::find(keys.begin(), keys.end(), it.key()) == keys.end())
        fail(fmt::format("keys {}", join(keys, ", ")), fmt::format("'{}'", it.key()));
    }
    return *this;
  }
  const Node& array() const {
    if (!json_->is_array()) fail("an array");
    return *this;
  }
  const std::string& text() const {
    if (!json_->is_string()) fail("a string");
    return json_->get_ref<const std::string&>();
  }
  int32_t id() const {
    const bool is_id = json_->is_number_unsigned() && json_->get<uint64_t>() <= static_cast<uint64_t>(kMaxId);
    if (!is_id) fail(fmt::format("an id up to {}", kMaxId));
    return json_->get<int32_t>();
  }
  bool flag(bool when_absent) const {
    if (json_->is_null()) return when_absent;
    if (!json_->is_boolean()) fail("true or false");
    return json_->get<bool>();
  }
  /// One of the strings, which it returns.
  std::string choice(const std::vector<std::string>& choices) const {
    if (!json_->is_string() || std::find(choices.begin(), choices.end(), text()) == choices.end())
      fail(join(choices, " or "));
    return text();
  }
  void need_null() const {
    if (!json_->is_null()) fail("null");
  }
  void need_empty() const {
    if (!json_->is_null() && *json_ != Json("")) fail("null");
  }

 private:
  const Json* json_;
  const std::string* file_;
  std::string path_;
};

void check_byte_level(const Node& node, bool use_regex) {
  node.at("type").choice({"ByteLevel"});
  if (node.at("add_prefix_space").json() != Json(false)) node.at("add_prefix_space").fail("false");
  if (node.at("use_regex").flag(true) != use_regex) node.at("use_regex").fail(use_regex ? "true" : "false");
}

BpePattern read_split(const Node& node) {
  node.at("type").choice({"Split"});
  const Node regex = node.at("pattern").object({"Regex"}).at("Regex");
  const BpePattern pattern = pattern_of_onig(regex.text(), regex.where());
  const bool invert = node.at("invert").flag(false);
  const std::string behavior = node.at("behavior").choice({"Isolated", "Removed"});
  // cl100k_base is often written so: what the pattern does not match is removed. The named ones match all.
  if (behavior == "Removed" && !(invert && !pattern.name.empty()))
    node.at("behavior").fail("Isolated (Removed loses text)");
  return pattern;
}

BpePattern read_pre_tokenizer(const Node& node) {
  const std::string type = node.object().at("type").choice({"ByteLevel", "Sequence"});
  if (type == "ByteLevel") {
    if (!node.at("use_regex").flag(true)) {
      check_byte_level(node, false);
      return {"", R"((?:.|\n)++)"};  // no pre-tokenizer: the text is one piece
    }
    check_byte_level(node, true);
    return pattern_of_onig(kByteLevelRegex, node.where());
  }
  const Node parts = node.at("pretokenizers").array();
  if (parts.json().size() != 2)
    parts.fail("a Split and a ByteLevel", fmt::format("{} pre-tokenizers", parts.json().size()));
  BpePattern pattern = read_split(parts.at(size_t{0}).object());
  check_byte_level(parts.at(1).object(), false);
  return pattern;
}

/// Ids of the model's vocabulary by their spelling.
using Spellings = std::unordered_map<std::string_view, int32_t>;

Spellings read_vocabulary(const Node& vocabulary, BpeParts& parts) {
  Spellings ids;
  ids.reserve(vocabulary.object().json().size());
  for (auto it = vocabulary.json().begin(); it != vocabulary.json().end(); ++it) {
    const Node node = vocabulary.at(it.key());
    const auto id = static_cast<size_t>(node.id());
    if (it.key().empty()) vocabulary.fail("tokens of at least one character", "''");
    if (id >= parts.tokens.size()) parts.tokens.resize(id + 1);
    std::string bytes;
    const bool is_spelt = bytes_of_letters(it.key(), bytes);
    if (!parts.tokens[id].empty() || parts.texts.contains(node.id())) node.fail("an id of its own");
    if (is_spelt) {
      parts.tokens[id] = std::move(bytes);
    } else {
      parts.texts[node.id()] = it.key();  // no text gives it; decoded as itself, as the library does
    }
    ids.emplace(it.key(), node.id());
  }
  return ids;
}

void read_added_tokens(const Node& added, const Spellings& ids, BpeParts& parts) {
  if (added.is_null()) return;
  for (size_t i = 0; i < added.array().json().size(); ++i) {
    const Node node = added.at(i).object();
    const std::string& text = node.at("content").text();
    const int32_t id = node.at("id").id();
    if (text.empty()) node.at("content").fail("a text");
    if (!node.at("special").flag(false)) node.at("special").fail("true (special tokens are plain text here)");
    const auto in_model = ids.find(text);
    if (in_model != ids.end() && in_model->second != id)
      node.at("id").fail(fmt::format("{}, its id in model.vocab", in_model->second));
    if (static_cast<size_t>(id) >= parts.tokens.size()) parts.tokens.resize(static_cast<size_t>(id) + 1);
    if (in_model == ids.end() && (!parts.tokens[static_cast<size_t>(id)].empty() || parts.texts.contains(id)))
      node.at("id").fail("an id of its own");
    parts.tokens[static_cast<size_t>(id)].clear();
    parts.texts[id] = text;
  }
}

/// Both spellings of a merge: "left right" (to 2024) and ["left", "right"].
std::pair<std::string_view, std::string_view> two_parts(const Node& merge) {
  if (merge.json().is_array()) {
    if (merge.json().size() != 2) merge.fail("two tokens", fmt::format("{}", merge.json().size()));
    return {merge.at(size_t{0}).text(), merge.at(1).text()};
  }
  const std::string_view text = merge.text();
  const size_t space = text.find(' ');
  if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos)
    merge.fail("two tokens and a space between");
  return {text.substr(0, space), text.substr(space + 1)};
}

void read_merges(const Node& merges, const Spellings& ids, BpeParts& parts) {
  parts.merges.emplace();
  std::string joined;
  for (size_t i = 0; i < merges.array().json().size(); ++i) {
    const Node merge = merges.at(i);
    const auto [left, right] = two_parts(merge);
    joined.assign(left).append(right);
    const auto id = [&](std::string_view spelling) {
      const auto at = ids.find(spelling);
      if (at == ids.end() || parts.tokens[static_cast<size_t>(at->second)].empty())
        merge.fail("tokens of model.vocab that are not added ones", fmt::format("'{}'", spelling));
      return at->second;
    };
    parts.merges->push_back({id(left), id(right), id(joined)});
  }
}

void check_bytes(const Node& vocabulary, const BpeParts& parts) {
  std::array<bool, 256> there{};
  for (const std::string& token : parts.tokens)
    if (token.size() == 1) there[static_cast<uint8_t>(token[0])] = true;
  for (size_t byte = 0; byte < 256; ++byte) {
    const std::string letter = letters_of_bytes(std::string(1, static_cast<char>(byte)));
    if (!there[byte])
      vocabulary.fail("a token for every byte", fmt::format("none for 0x{:02x} ('{}')", byte, letter));
  }
}

void read_model(const Node& model, BpeParts& parts, const Node& added) {
  model.object({"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
                "byte_fallback", "ignore_merges", "vocab", "merges"});
  if (!model.at("type").is_null()) model.at("type").choice({"BPE"});  // old files do not say it
  if (const Node dropout = model.at("dropout"); !dropout.is_null() && dropout.json() != Json(0.0))
    dropout.fail("null");
  for (const char* key : {"unk_token", "continuing_subword_prefix", "end_of_word_suffix"})
    model.at(key).need_empty();
  if (model.at("byte_fallback").flag(false)) model.at("byte_fallback").fail("false");
  parts.whole_pieces = model.at("ignore_merges").flag(false);
  const Spellings ids = read_vocabulary(model.at("vocab"), parts);
  read_added_tokens(added, ids, parts);
  check_bytes(model.at("vocab"), parts);
  read_merges(model.at("merges"), ids, parts);
}

/// Ids are ranks where the merges that these would give are the file's.
void simplify(BpeParts& parts) {
  const DerivedMerges derived = derive_merges(parts.tokens);
  if (derived.merges != *parts.merges || (derived.n_unreached > 0 && !parts.whole_pieces)) return;
  parts.merges.reset();
  parts.whole_pieces = true;
}

Json parse_json(std::string_view content, const std::string& name) {
  try {
    return Json::parse(content);
  } catch (const Json::exception& e) {       // also for numbers that no double holds
    const std::string_view what = e.what();  // "[json.exception...] parse error at line 1, column 7: ..."
    const auto line = what.find("line ");
    const auto at = line == std::string_view::npos ? what.find("] ") + 2 : line;
    throw ConfigError(fmt::format("{}: expected a JSON object, got invalid JSON{}{}", name,
                                  line == std::string_view::npos ? ": " : " at ", what.substr(at)));
  }
}

}  // namespace

bool is_json(std::string_view content) { return trim(content.substr(0, 4096)).starts_with("{"); }

BpeParts parse_tokenizer_json(std::string_view content, const std::string& name) {
  const Json json = parse_json(content, name);
  const Node file(json, name);
  file.object({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
               "post_processor", "decoder", "model"});
  for (const char* key : {"truncation", "padding", "normalizer"}) file.at(key).need_null();
  if (const Node decoder = file.at("decoder"); !decoder.is_null())
    decoder.object().at("type").choice({"ByteLevel"});
  BpeParts parts;
  parts.pattern = read_pre_tokenizer(file.at("pre_tokenizer"));
  read_model(file.at("model"), parts, file.at("added_tokens"));
  simplify(parts);
  return parts;
}

}  // namespace aunet
