#include "config/read_model.h"

#include "config/rule_file.h"
#include "config/sections.h"
#include "config/toml_file.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace aunet {
namespace {

constexpr Range kWindowRange = within(1, 1 << 30);
constexpr Range kMultipleRange = within(1, 65536);

/// "word" for one gap between stages is the official "word1=1@1"; deeper gaps group 2 and 4 words (paper
/// appendix B).
std::string expand_split(const std::string& text, int64_t n_transitions) {
  static const std::vector<std::string> kWordLevels = {"word1=1@1", "word2=2@1", "word4=4@1"};
  if (text == "word" && n_transitions <= static_cast<int64_t>(kWordLevels.size())) {
    return join({kWordLevels.begin(), kWordLevels.begin() + n_transitions}, ",");
  }
  if ((text == "pretok" || text == "punct") && n_transitions == 1) return text + "=1@1";
  return text;
}

/// Stages from `stages`, else from a list that has one entry per stage.
int64_t read_stages(const Table& t) {
  int64_t stages = 0;
  if (t.read("stages", stages, within(2, 8))) return stages;
  for (std::string_view key : {"dimensions", "layers"}) {
    const toml::node* node = t.find(key);
    const toml::array* list = node ? node->as_array() : nullptr;
    if (!list) continue;
    if (list->size() >= 2 && list->size() <= 8) return static_cast<int64_t>(list->size());
    t.fail(key, fmt::format("expected 2 to 8 values (one per stage; one stage is kind = \"bytes\"), got {}",
                            list->size()));
  }
  t.fail("stages", "expected an integer in 2 .. 8 (or dimensions and layers), got nothing");
}

void read_pooling(const Table& t, std::string& pooling) {
  static const std::map<std::string, std::string> kOfficial = {{"simple_indexed_matmul", "indexed_matmul"},
                                                               {"simple_repeat", "repeat"},
                                                               {"simple_non_param", "non_param"},
                                                               {"simple", "scatter"}};
  const toml::node* node = t.find("pooling_type");
  const auto* text = node ? node->as_string() : nullptr;
  if (text && kOfficial.contains(text->get())) {
    pooling = kOfficial.at(text->get());
  } else {
    t.read_choice("pooling_type", pooling, pooling_types());
  }
}

void read_split_rules(const Table& t, int64_t stages, const std::string& base_folder, const UserRules& user,
                      AunetConfig& config) {
  t.need("split", "rules like \"word\" or \"word1=1@1,word2=2@1\"");
  std::string text;
  t.read("split", text);
  const std::string where = place_of(t.find("split")->source()) + ": " + t.path_of("split");
  config.split = parse_split(expand_split(text, stages - 1), where, user);
  if (static_cast<int64_t>(config.split.size()) != stages - 1) {
    t.fail("split", fmt::format("expected {} {} (one per transition), got {}", stages - 1,
                                stages == 2 ? "rule" : "rules", config.split.size()));
  }
  std::vector<std::string> fingerprints;
  t.read_list("split_fingerprints", fingerprints, {}, stages - 1, "one per rule");
  resolve_rule_files(config.split, base_folder, fingerprints, where);
  std::string mode = to_string(config.split_mode);
  t.read_choice("split_mode", mode, {"official", "causal"});
  config.split_mode = mode == "official" ? SplitMode::Official : SplitMode::Causal;
}

void fill_defaults(int64_t stages, AunetConfig& c) {
  const auto n = static_cast<size_t>(stages);
  if (c.head_dims.empty()) {
    for (int64_t dim : c.dimensions) c.head_dims.push_back(default_head_dim(dim));
  }
  if (c.sliding_windows.empty()) {  // official: 512 bytes, 4096 units deeper
    c.sliding_windows.assign(n, 4096);
    c.sliding_windows[0] = 512;
  }
  if (c.residuals.empty()) c.residuals.assign(n - 1, true);
  if (c.max_seqlens.empty()) c.max_seqlens.assign(n, -1);
}

void read_max_seqlens(const Table& t, int64_t stages, std::vector<int64_t>& caps) {
  t.read_list("max_seqlens", caps, within(-1, 1 << 30), stages, "one per stage");
  const auto zero = std::find(caps.begin(), caps.end(), 0);
  if (zero != caps.end()) t.fail("max_seqlens", "expected -1 (no cap) or a cap >= 1, got 0");
}

void read_unit_heads(const Table& t, int64_t stages, AunetConfig& c) {
  t.read_list("lambda_units", c.lambda_units, at_least(0), stages - 1, "one per stage above bytes");
  t.read_choice("unit_targets", c.unit_targets, {"bytes", "first_bytes"});
  t.read("unit_reach", c.unit_reach, within(1, 256));
}

/// Two ways to write one model must give one run key: the shortest is kept.
void keep_one_spelling(AunetConfig& c) {
  const AunetConfig neutral;
  if (!c.upsampling.empty() && pooling_of(c) == Pooling::Boundary) {
    c.pooling_type = c.upsampling;  // each way up is also the name of boundary pooling with it
    c.upsampling.clear();
  }
  AunetConfig by_type = c;
  by_type.upsampling.clear();
  if (upsampling_of(by_type) == upsampling_of(c)) c.upsampling.clear();
  if (std::find(c.residuals.begin(), c.residuals.end(), true) == c.residuals.end() && !c.residuals.empty())
    c.skip = neutral.skip;
  if (std::all_of(c.lambda_units.begin(), c.lambda_units.end(), [](double weight) { return weight == 0; })) {
    c.lambda_units.clear();
    c.unit_targets = neutral.unit_targets;
    c.unit_reach = neutral.unit_reach;
  }
}

/// What only a model whose widths are known can get wrong.
void check_aunet(const Table& t, const AunetConfig& c) {
  if (c.dimensions.empty()) return;
  for (size_t k = 0; k + 1 < c.dimensions.size(); ++k) {
    if (pooling_of(c) == Pooling::None && c.dimensions[k + 1] % c.dimensions[k] != 0)
      t.fail("dimensions",
             fmt::format("expected a multiple of {} after it with pooling_type \"non_param\", got {}",
                         c.dimensions[k], c.dimensions[k + 1]));
  }
  if (c.head_dims.empty()) return;
  check_heads(c.dimensions, c.head_dims, t, "head_dims");
  for (size_t k = 0; k < c.n_kv_heads.size(); ++k) {
    const int64_t heads = c.dimensions[k] / c.head_dims[k];
    if (heads % c.n_kv_heads[k] != 0)
      t.fail("n_kv_heads",
             fmt::format("expected a divisor of stage {}'s {} heads, got {}", k + 1, heads, c.n_kv_heads[k]));
  }
}

AunetConfig read_aunet(const Table& t, ModelScope scope, const std::string& base_folder,
                       const UserRules& user) {
  AunetConfig c;
  const bool complete = scope == ModelScope::Complete;
  const int64_t stages = read_stages(t);
  if (complete) {
    t.need("dimensions", "an array of widths, one per stage");
    t.need("layers", "an array of layers, one per stage");
  } else {
    c.multiple_of = 0;
  }
  t.read_list("dimensions", c.dimensions, kWidthRange, stages, "one per stage");
  t.read_list("layers", c.layers, kLayersRange, stages, "one per stage");
  t.read_list("head_dims", c.head_dims, kWidthRange, stages, "one per stage");
  t.read_list("n_kv_heads", c.n_kv_heads, within(1, 1 << 20), stages, "one per stage");
  t.read_list("sliding_windows", c.sliding_windows, kWindowRange, stages, "one per stage");
  t.read_list("residuals", c.residuals, {}, stages - 1, "one per transition");
  read_max_seqlens(t, stages, c.max_seqlens);
  t.read("lambda_level", c.lambda_level, at_least(0));
  read_pooling(t, c.pooling_type);
  t.read_choice("upsampling", c.upsampling, upsampling_types());
  t.read_choice("skip", c.skip, {"add", "concat"});
  t.read("weight_tying", c.weight_tying);
  read_unit_heads(t, stages, c);
  t.read("rope_theta", c.rope_theta, above(0));
  t.read("multiple_of", c.multiple_of, kMultipleRange);
  t.read("norm_eps", c.norm_eps, above(0));
  t.read("vocab_size", c.vocab_size, within(258, 1 << 20));
  read_split_rules(t, stages, base_folder, user, c);
  if (complete) fill_defaults(stages, c);
  keep_one_spelling(c);
  check_aunet(t, c);
  return c;
}

/// One more than the largest id of a tokenizer.json; 0 when it is none. What else is wrong with it is for the
/// reader of tokenizers to say (baselines/tokenizer_json.h).
int64_t ids_of_json(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  int64_t ids = 0;
  const auto count = [&](const nlohmann::json& id) {
    if (id.is_number_unsigned()) ids = std::max(ids, id.get<int64_t>() + 1);
  };
  if (!json.is_object() || !json.contains("model") || !json["model"].is_object()) return 0;
  const auto vocab = json["model"].find("vocab");
  if (vocab == json["model"].end() || !vocab->is_object()) return 0;
  for (const auto& id : *vocab) count(id);
  if (const auto added = json.find("added_tokens"); added != json.end() && added->is_array()) {
    for (const auto& token : *added) {
      if (token.is_object() && token.contains("id")) count(token["id"]);
    }
  }
  return ids;
}

/// Ids of a tokenizer.json, or of a tiktoken rank file: one a line.
int64_t count_ids(const Table& t, const std::string& path) {
  if (!exists(path)) {
    t.fail("path",
           fmt::format("expected a rank file or tokenizer.json (or its vocab beside the path), got no "
                       "such file: {}",
                       path));
  }
  if (path.ends_with(".zst"))
    t.fail("path",
           fmt::format("expected vocab (its number of ids) beside a compressed file, got none: {}", path));
  const std::string text = read_file(path);
  int64_t ids = 0;
  if (trim(text).starts_with("{")) {
    ids = ids_of_json(text);
  } else {
    for (const std::string& line : split_on(text, '\n')) ids += !trim(line).empty();
  }
  if (ids < 256)
    t.fail("path", fmt::format("expected a tokenizer of 256 ids or more, got {} in {}", ids, path));
  return ids;
}

/// The names of patterns; "json" is the one that a tokenizer.json has.
std::string read_pattern(const Table& t, const TokenizerConfig& c) {
  std::string pattern = !c.train && c.path.ends_with(".json") ? "json" : c.pattern;
  t.read_choice("pattern", pattern, {"gpt2", "cl100k_base", "o200k_base", "llama3", "json"});
  if (c.train && pattern == "json") t.fail("pattern", "expected a name with train = true, got \"json\"");
  return pattern;
}

TokenizerConfig read_tokenizer(const Table& model, const std::string& base_folder) {
  TokenizerConfig c;
  model.need("tokenizer", "a table like { train = true, vocab = 1024 } or { path = \"ranks.tiktoken\" }");
  const Table t = model.table("tokenizer", {"train", "vocab", "path", "pattern", "fingerprint"});
  t.read("train", c.train);
  t.read("vocab", c.vocab, within(256, 1 << 22));
  t.read("path", c.path);
  c.pattern = read_pattern(t, c);
  t.read("fingerprint", c.fingerprint);
  if (c.train) t.need("vocab", "an integer >= 256 (256 bytes and the merges to train)");
  if (!c.train) t.need("path", "the path of a rank file or tokenizer.json (or train = true)");
  if (t.has("path") && c.path.empty()) t.fail_expected("path", "the path of a rank file or tokenizer.json");
  if (!c.path.empty()) c.path = resolve_path(c.path, base_folder);
  if (c.vocab == 0) c.vocab = count_ids(t, c.path);
  return c;
}

TransformerConfig read_transformer(const Table& t, bool bytes, ModelScope scope,
                                   const std::string& base_folder) {
  TransformerConfig c;
  if (scope == ModelScope::Complete) {
    t.need("dim", "an integer >= 2");
    t.need("n_layers", "an integer >= 1");
  } else {
    c.head_dim = c.multiple_of = 0;
  }
  t.read("dim", c.dim, kWidthRange);
  t.read("n_layers", c.n_layers, kLayersRange);
  if (!t.read("head_dim", c.head_dim, kWidthRange) && scope == ModelScope::Complete) {
    c.head_dim = default_head_dim(c.dim);
  }
  t.read("n_kv_heads", c.n_kv_heads, within(0, 1 << 20));
  t.read("sliding_window", c.sliding_window, within(0, 1 << 30));
  t.read("rope_theta", c.rope_theta, above(0));
  t.read("multiple_of", c.multiple_of, kMultipleRange);
  t.read("norm_eps", c.norm_eps, above(0));
  t.read("weight_tying", c.weight_tying);
  if (bytes) {
    c.tokenizer.kind = "bytes";
    c.vocab_size = 258;
  } else {
    c.tokenizer = read_tokenizer(t, base_folder);
    c.vocab_size = c.tokenizer.vocab + 2;
  }
  if (c.dim == 0 || c.head_dim == 0) return c;
  check_heads({c.dim}, {c.head_dim}, t, "head_dim");
  const int64_t n_heads = c.dim / c.head_dim;
  if (c.n_kv_heads > 0 && n_heads % c.n_kv_heads != 0) {
    t.fail("n_kv_heads",
           fmt::format("expected a divisor of the {} heads (dim / head_dim), got {}", n_heads, c.n_kv_heads));
  }
  return c;
}

}  // namespace

void check_heads(const std::vector<int64_t>& dims, const std::vector<int64_t>& head_dims, const Table& table,
                 std::string_view key) {
  for (size_t k = 0; k < dims.size(); ++k) {
    if (head_dims[k] % 2 == 0 && dims[k] % head_dims[k] == 0) continue;
    table.fail(key, fmt::format("expected an even divisor of the width {}, got {}", dims[k], head_dims[k]));
  }
}

ModelConfig read_model(const Table& parent, std::string_view key, ModelScope scope,
                       const std::string& base_folder, const UserRules& user) {
  static const std::vector<std::string_view> kAunetKeys = {
      "kind",         "stages",       "dimensions",   "layers",      "head_dims",    "n_kv_heads",
      "residuals",    "skip",         "upsampling",   "max_seqlens", "lambda_level", "sliding_windows",
      "pooling_type", "lambda_units", "unit_targets", "unit_reach",  "rope_theta",   "weight_tying",
      "multiple_of",  "norm_eps",     "vocab_size",   "split",       "split_mode",   "split_fingerprints"};
  static const std::vector<std::string_view> kBytesKeys = {
      "kind",           "dim",        "n_layers",    "head_dim", "n_kv_heads",
      "sliding_window", "rope_theta", "multiple_of", "norm_eps", "weight_tying"};
  static const std::vector<std::string_view> kLlamaKeys = [] {
    std::vector<std::string_view> keys = kBytesKeys;
    keys.push_back("tokenizer");
    return keys;
  }();
  parent.need(key, "a table with a kind");
  const toml::node* node = parent.find(key);
  if (!node->is_table()) parent.fail_expected(key, "a table with a kind");
  const toml::table& raw = *node->as_table();
  // The kind decides which keys are legal, so it is read before the strict view is made.
  std::vector<std::string_view> every_key;
  for (auto it = raw.begin(); it != raw.end(); ++it) every_key.push_back(it->first.str());
  every_key.push_back("kind");
  const Table loose(raw, parent.path_of(key), every_key);
  std::string kind;
  loose.need("kind", "one of \"aunet\", \"llama\", \"bytes\"");
  loose.read_choice("kind", kind, {"aunet", "llama", "bytes"});
  if (kind == "aunet") return read_aunet(Table(raw, loose.path(), kAunetKeys), scope, base_folder, user);
  const bool bytes = kind == "bytes";
  return read_transformer(Table(raw, loose.path(), bytes ? kBytesKeys : kLlamaKeys), bytes, scope,
                          base_folder);
}

}  // namespace aunet
