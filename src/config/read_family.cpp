#include "config/read_family.h"

#include "config/read_model.h"
#include "config/rule_file.h"
#include "config/sections.h"
#include "config/toml_file.h"
#include "core/error.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace aunet {
namespace {

constexpr const char* kSizesKeys[] = {"dims",       "layers", "head_dims", "grid",    "paired",
                                      "per_budget", "around", "ratio",     "optimum", "same_as"};

using Lists = std::vector<std::vector<int64_t>>;

/// One entry per size: a list of `n` values, or for a transformer (n = 1) also a bare number.
void read_entries(const Table& t, std::string_view key, Lists& entries, const Range& range, int64_t n) {
  const toml::node* node = t.find(key);
  if (!node) return;
  const toml::array* array = node->as_array();
  if (!array || array->empty()) t.fail_expected(key, "an array with an entry per size");
  for (size_t i = 0; i < array->size(); ++i) {
    const toml::node& entry = (*array)[i];
    const std::string path = fmt::format("{}[{}]", t.path_of(key), i);
    const toml::array* list = entry.as_array();
    if (!list && n == 1) {
      entries.push_back({value_of<int64_t>(entry, path, range)});
      continue;
    }
    if (!list)
      fail_at(entry, path,
              fmt::format("expected an array of {} values (one per stage), got {}", n, describe(entry)));
    if (static_cast<int64_t>(list->size()) != n) {
      fail_at(entry, path,
              fmt::format("expected {} {} (one per stage), got {}", n, n == 1 ? "value" : "values",
                          list->size()));
    }
    std::vector<int64_t>& values = entries.emplace_back();
    for (const toml::node& value : *list) values.push_back(value_of<int64_t>(value, path, range));
  }
}

/// (1) explicit lists.
void read_explicit(const Table& t, int64_t n_values, const std::vector<int64_t>& model_head_dims,
                   SizesSpec& sizes) {
  t.need("dims", "an array of widths, one entry per size");
  t.need("layers", "an array of layers, one entry per size");
  read_entries(t, "dims", sizes.dims, kWidthRange, n_values);
  read_entries(t, "layers", sizes.layers, kLayersRange, n_values);
  read_entries(t, "head_dims", sizes.head_dims, kWidthRange, n_values);
  std::string grid = "zip";
  t.read_choice("grid", grid, {"zip", "product"});
  sizes.product = grid == "product";
  t.read("paired", sizes.paired);
  if (!sizes.product && sizes.layers.size() != sizes.dims.size()) {
    t.fail("layers", fmt::format("expected {} entries (one per entry of dims), got {}", sizes.dims.size(),
                                 sizes.layers.size()));
  }
  if (!sizes.head_dims.empty() && sizes.head_dims.size() != sizes.dims.size()) {
    t.fail("head_dims", fmt::format("expected {} entries (one per entry of dims), got {}", sizes.dims.size(),
                                    sizes.head_dims.size()));
  }
  for (size_t i = 0; i < sizes.dims.size(); ++i) {
    const std::vector<int64_t>& heads = sizes.head_dims.empty() ? model_head_dims : sizes.head_dims[i];
    if (!heads.empty()) check_heads(sizes.dims[i], heads, t, sizes.head_dims.empty() ? "dims" : "head_dims");
  }
}

/// (2) sizes around the optimum.
void read_around(const Table& t, SizesSpec& sizes) {
  t.need("around", "\"optimum\"");
  t.read("per_budget", sizes.per_budget, within(1, 64));
  t.read_choice("around", sizes.around, {"optimum"});
  t.read("ratio", sizes.ratio, Range{.min = 1, .max = 100, .min_is_legal = false});
  std::vector<double> law;
  if (t.read_list("optimum", law, {}, 2, "a and b of a * C^b")) {
    if (law[0] <= 0) t.fail("optimum", fmt::format("expected a > 0 in a * C^b, got {}", law[0]));
    sizes.optimum_law = {law[0], law[1]};
  }
}

SizesSpec read_sizes(const Table& family, int64_t n_values, const std::vector<int64_t>& model_head_dims) {
  SizesSpec sizes;
  const Table t = family.table("sizes", {std::begin(kSizesKeys), std::end(kSizesKeys)});
  const bool is_explicit = t.has("dims") || t.has("layers"),
             is_around = t.has("per_budget") || t.has("around"), is_same = t.has("same_as");
  if (is_explicit + is_around + is_same != 1) {
    family.fail("sizes",
                "expected exactly one of { dims, layers }, { per_budget, around = \"optimum\" }, "
                "{ same_as = FAMILY }");
  }
  const std::vector<std::string_view> mine =
      is_explicit ? std::vector<std::string_view>{"dims", "layers", "head_dims", "grid", "paired"}
      : is_around ? std::vector<std::string_view>{"per_budget", "around", "ratio", "optimum"}
                  : std::vector<std::string_view>{"same_as"};
  for (const char* key : kSizesKeys) {
    if (t.has(key) && std::find(mine.begin(), mine.end(), std::string_view(key)) == mine.end()) {
      t.fail(key, fmt::format("expected only {} here, got {}",
                              join(std::vector<std::string>(mine.begin(), mine.end()), ", "), key));
    }
  }
  if (is_explicit) read_explicit(t, n_values, model_head_dims, sizes);
  if (is_around) {
    t.need("per_budget", "an integer >= 1");
    read_around(t, sizes);
  }
  t.read("same_as", sizes.same_as);
  return sizes;
}

/// Widths and layers written in `model` are one explicit size.
SizesSpec sizes_of_model(const Table& family, const std::vector<int64_t>& dims,
                         const std::vector<int64_t>& layers) {
  if (family.has("sizes")) family.fail("sizes", "expected no sizes beside the widths or layers of model");
  if (dims.empty() || layers.empty())
    family.fail("model", "expected widths and layers together, or sizes instead");
  SizesSpec sizes;
  sizes.dims = {dims};
  sizes.layers = {layers};
  return sizes;
}

void read_model_and_sizes(const Table& t, const std::string& base_folder, const UserRules& user,
                          FamilySpec& family) {
  family.base = read_model(t, "model", ModelScope::Family, base_folder, user);
  family.kind = kind_of(family.base);
  std::vector<int64_t> dims, layers, head_dims;
  if (auto* aunet = std::get_if<AunetConfig>(&family.base)) {
    family.stages = static_cast<int64_t>(aunet->split.size()) + 1;
    std::swap(dims, aunet->dimensions);
    std::swap(layers, aunet->layers);
    head_dims = aunet->head_dims;
  } else {
    auto& transformer = std::get<TransformerConfig>(family.base);
    if (transformer.dim > 0) dims = {std::exchange(transformer.dim, 0)};
    if (transformer.n_layers > 0) layers = {std::exchange(transformer.n_layers, 0)};
    if (transformer.head_dim > 0) head_dims = {transformer.head_dim};
  }
  if (!dims.empty() || !layers.empty()) {
    family.sizes = sizes_of_model(t, dims, layers);
  } else {
    t.need("sizes",
           "a table: { dims, layers }, { per_budget, around = \"optimum\" } or { same_as = FAMILY }");
    family.sizes = read_sizes(t, family.kind == "aunet" ? family.stages : 1, head_dims);
  }
}

void read_hyper(const Table& t, FamilySpec& family) {
  if (t.has("lr")) t.read("lr", family.lr.emplace(), above(0));
  if (t.has("batch_bytes")) t.read("batch_bytes", family.batch_bytes.emplace(), above(0));
  t.read_choice("law", family.law, {"paper", "fitted"});
  t.read("data_ratio", family.data_ratio, above(0));
  if (!t.read_list("batch_sequences", family.batch_sequences, within(1, 1e9))) return;
  if (family.batch_bytes)
    t.fail("batch_sequences", "expected either batch_bytes or batch_sequences, got both");
  const SizesSpec& sizes = family.sizes;
  const size_t n_sizes = sizes.product ? sizes.dims.size() * sizes.layers.size() : sizes.dims.size();
  if (family.batch_sequences.size() != n_sizes) {
    t.fail("batch_sequences", fmt::format("expected {} values (one per explicit size), got {}", n_sizes,
                                          family.batch_sequences.size()));
  }
}

/// The split rules that tuning tries, in order; the model's own is one of them.
void read_splits(const Table& t, const std::string& base_folder, const UserRules& user, FamilySpec& family) {
  std::vector<std::string> texts;
  if (!t.read_list("splits", texts)) return;
  const auto* aunet = std::get_if<AunetConfig>(&family.base);
  if (!aunet) t.fail("splits", "expected no splits: only an AU-Net has split rules");
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::string where =
        fmt::format("{}: {}[{}]", place_of(t.find("splits")->source()), t.path_of("splits"), i);
    std::vector<SplitRule> rules = parse_split(texts[i], where, user);
    resolve_rule_files(rules, base_folder, {}, where);
    if (rules.size() != aunet->split.size())
      t.fail("splits",
             fmt::format("expected {} rules in each (one per boundary between stages), got {} in \"{}\"",
                         aunet->split.size(), rules.size(), texts[i]));
    if (std::find(family.splits.begin(), family.splits.end(), rules) != family.splits.end())
      t.fail("splits", fmt::format("expected each once, got \"{}\" twice", texts[i]));
    family.splits.push_back(rules);
  }
  if (std::find(family.splits.begin(), family.splits.end(), aunet->split) == family.splits.end())
    t.fail("splits", fmt::format("expected the model's own split \"{}\" among them: tuning starts there",
                                 to_string(aunet->split)));
}

}  // namespace

std::string family_path(const toml::table& table, size_t index) {
  const auto name = table["name"].value<std::string>();
  return name && !name->empty() ? "family." + *name : fmt::format("family.{}", index);
}

FamilySpec read_family(const toml::table& table, size_t index, const std::string& base_folder,
                       const UserRules& user) {
  const Table t(
      table, family_path(table, index),
      {"name", "model", "sizes", "lr", "batch_bytes", "batch_sequences", "law", "data_ratio", "splits"});
  FamilySpec family;
  family.line = static_cast<int>(table.source().begin.line);
  t.need("name", "a name");
  t.read("name", family.name);
  check_name(t, "name", family.name);
  if (family.name.find('.') != std::string::npos) {
    t.fail_expected("name", "a name without '.', so that --set can reach it");
  }
  read_model_and_sizes(t, base_folder, user, family);
  read_hyper(t, family);
  read_splits(t, base_folder, user, family);
  return family;
}

}  // namespace aunet
