#include "baselines/golden.h"
#include "core/error.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace aunet {

namespace {

using Json = nlohmann::json;

constexpr int64_t kLargest = 1 << 24;

template <class T>
T value_or(const Json& j, const char* key, T otherwise) {
  const auto it = j.find(key);
  return it == j.end() || it->is_null() ? otherwise : it->get<T>();
}

/// A whole number in least .. kLargest.
int64_t check(const char* key, int64_t value, int64_t least) {
  if (value < least || value > kLargest)
    throw Error(fmt::format("{}: expected {} .. {}, got {}", key, least, kLargest, value));
  return value;
}

std::vector<int64_t> read_list(const Json& j, const char* key, size_t n, int64_t least) {
  auto values = j.at(key).get<std::vector<int64_t>>();
  if (values.size() != n)
    throw Error(fmt::format("{}: expected {} values (one per stage), got {}", key, n, values.size()));
  for (const int64_t value : values) check(key, value, least);
  return values;
}

void check_heads(int64_t width, int64_t head_dim, int64_t kv_heads) {
  if (head_dim % 2 != 0 || width % head_dim != 0)
    throw Error(fmt::format("heads: expected an even divisor of the width {}, got {}", width, head_dim));
  const int64_t heads = width / head_dim;
  if (kv_heads > 0 && heads % kv_heads != 0)
    throw Error(fmt::format("n_kv_heads: expected a divisor of {} heads, got {}", heads, kv_heads));
}

/// Official names carry the class: simple_indexed_matmul, simple_repeat, simple (scatter).
std::string pooling_name(const std::string& official) {
  if (official == "simple") return "scatter";
  for (const char* name : {"indexed_matmul", "repeat", "non_param"})
    if (official == std::string("simple_") + name) return name;
  throw Error(fmt::format(
      "pooling_type: expected simple_indexed_matmul, simple_repeat, simple or simple_non_param, got "
      "'{}'",
      official));
}

AunetConfig aunet_config(const Json& j) {
  AunetConfig c;
  const size_t n = j.at("dimensions").size();
  if (n < 2) throw Error(fmt::format("dimensions: expected 2 stages or more, got {}", n));
  c.dimensions = read_list(j, "dimensions", n, 1);
  c.layers = read_list(j, "layers", n, 0);
  c.head_dims = read_list(j, "head_dims", n, 1);
  c.sliding_windows.assign(n, kLargest);  // null: every row before a query
  if (j.contains("sliding_windows") && !j["sliding_windows"].is_null())
    c.sliding_windows = read_list(j, "sliding_windows", n, 1);
  c.max_seqlens = read_list(j, "max_seqlens", n, -1);
  c.residuals = value_or(j, "residuals", std::vector<bool>(n - 1, true));
  if (c.residuals.size() != n - 1)
    throw Error(
        fmt::format("residuals: expected {} values (one per transition), got {}", n - 1, c.residuals.size()));
  if (const auto kv_heads = value_or<int64_t>(j, "n_kv_heads", 0); kv_heads > 0)
    c.n_kv_heads.assign(n, kv_heads);  // one number for all blocks
  for (size_t k = 0; k < n; ++k) check_heads(c.dimensions[k], c.head_dims[k], kv_heads_of(c, k));
  c.lambda_level = value_or(j, "lambda_level", 0.0);
  c.pooling_type = pooling_name(j.at("pooling_type").get<std::string>());
  for (size_t k = 0; c.pooling_type == "non_param" && k + 1 < n; ++k)
    if (c.dimensions[k + 1] % c.dimensions[k] != 0)
      throw Error(
          fmt::format("dimensions: expected multiples of the one before with simple_non_param, got {}",
                      fmt::join(c.dimensions, ", ")));
  c.rope_theta = j.at("rope_theta").get<double>();
  c.multiple_of = check("multiple_of", j.at("multiple_of").get<int64_t>(), 1);
  c.norm_eps = j.at("norm_eps").get<double>();
  c.vocab_size = check("vocab_size", j.at("vocab_size").get<int64_t>(), 1);
  return c;
}

TransformerConfig transformer_config(const Json& j) {
  TransformerConfig c;
  c.dim = check("dim", j.at("dim").get<int64_t>(), 1);
  c.n_layers = check("n_layers", j.at("n_layers").get<int64_t>(), 0);
  const int64_t heads = check("n_heads", j.at("n_heads").get<int64_t>(), 1);
  if (c.dim % heads != 0)
    throw Error(fmt::format("n_heads: expected a divisor of the width {}, got {}", c.dim, heads));
  c.head_dim = c.dim / heads;
  c.n_kv_heads = check("n_kv_heads", value_or<int64_t>(j, "n_kv_heads", 0), 0);
  check_heads(c.dim, c.head_dim, c.n_kv_heads);
  c.vocab_size = check("vocab_size", j.at("vocab_size").get<int64_t>(), 1);
  c.sliding_window = check("sliding_window", value_or<int64_t>(j, "sliding_window", 0), 0);
  c.rope_theta = j.at("rope_theta").get<double>();
  c.multiple_of = check("multiple_of", j.at("multiple_of").get<int64_t>(), 1);
  c.norm_eps = j.at("norm_eps").get<double>();
  c.weight_tying = value_or(j, "weight_tying", false);
  return c;
}

}  // namespace

ModelConfig golden_model_config(const std::string& config_json, const std::string& where) {
  try {
    const Json j = Json::parse(config_json);
    if (j.contains("dimensions")) return aunet_config(j);
    return transformer_config(j);
  } catch (const Json::exception& e) {
    throw Error(fmt::format("{}: config: {}", where, e.what()));
  } catch (const Error& e) {
    throw Error(fmt::format("{}: config: {}", where, e.what()));
  }
}

}  // namespace aunet
