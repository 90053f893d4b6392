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

struct PoolingType {
  const char* name;
  Pooling pooling;
  Upsampling upsampling;  // that belongs to it
};
constexpr std::array<PoolingType, 8> kPoolingTypes = {{
    {"indexed_matmul", Pooling::Boundary, Upsampling::MultiLinear},
    {"repeat", Pooling::Boundary, Upsampling::Repeat},
    {"scatter", Pooling::Boundary, Upsampling::Scatter},
    {"non_param", Pooling::None, Upsampling::None},
    {"nearest", Pooling::Boundary, Upsampling::Nearest},
    {"average", Pooling::Average, Upsampling::MultiLinear},
    {"max", Pooling::Max, Upsampling::MultiLinear},
    {"cross_attention", Pooling::CrossAttention, Upsampling::MultiLinear},
}};
constexpr std::array<const char*, 4> kUpsamplingTypes = {"indexed_matmul", "repeat", "nearest", "scatter"};

/// Throws ConfigError unless `name` is one of `legal`, which are pooling types.
const PoolingType& find_type(const char* key, const std::string& name,
                             const std::vector<std::string>& legal) {
  if (std::find(legal.begin(), legal.end(), name) == legal.end())
    throw ConfigError(
        fmt::format("model.{}: expected one of \"{}\", got \"{}\"", key, join(legal, "\", \""), name));
  return *std::find_if(kPoolingTypes.begin(), kPoolingTypes.end(),
                       [&](const PoolingType& type) { return type.name == name; });
}

}  // namespace

std::vector<std::string> pooling_types() {
  std::vector<std::string> names;
  for (const PoolingType& type : kPoolingTypes) names.emplace_back(type.name);
  return names;
}

std::vector<std::string> upsampling_types() { return {kUpsamplingTypes.begin(), kUpsamplingTypes.end()}; }

Pooling pooling_of(const AunetConfig& c) {
  return find_type("pooling_type", c.pooling_type, pooling_types()).pooling;
}

Upsampling upsampling_of(const AunetConfig& c) {
  if (c.upsampling.empty()) return find_type("pooling_type", c.pooling_type, pooling_types()).upsampling;
  return find_type("upsampling", c.upsampling, upsampling_types()).upsampling;
}

bool pools_whole_units(const AunetConfig& c) {
  const Pooling pooling = pooling_of(c);
  return pooling != Pooling::Boundary && pooling != Pooling::None;
}

bool has_residual(const AunetConfig& c, size_t k) { return c.residuals.empty() || c.residuals[k]; }

int64_t kv_heads_of(const AunetConfig& c, size_t k) {
  return c.n_kv_heads.empty() ? c.dimensions[k] / c.head_dims[k] : c.n_kv_heads[k];
}

double unit_weight(const AunetConfig& c, size_t k) {
  return k == 0 || c.lambda_units.empty() ? 0 : c.lambda_units[k - 1];
}

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
