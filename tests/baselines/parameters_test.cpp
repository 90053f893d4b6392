#include "baselines/make_model.h"
#include "budget/params.h"
#include "config/experiment.h"
#include "core/random.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>

using namespace aunet;

namespace {

std::vector<std::string> toml_files(const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".toml") paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  return paths;
}

ModelConfig random_model(RandomStream& stream) {
  const auto pick = [&](int64_t low, int64_t high) {
    return low + static_cast<int64_t>(stream.below(static_cast<uint64_t>(high - low + 1)));
  };
  if (stream.below(4) == 0) {
    TransformerConfig c;
    c.head_dim = 2 * pick(1, 4);
    c.n_kv_heads = pick(1, 3);
    c.dim = c.head_dim * c.n_kv_heads * pick(1, 3);
    c.n_layers = pick(1, 3);
    c.vocab_size = pick(5, 80);
    c.multiple_of = pick(1, 32);
    c.weight_tying = stream.below(2) == 0;
    return c;
  }
  AunetConfig c;
  const int64_t stages = pick(2, 5);
  for (int64_t k = 0; k < stages; ++k) {
    c.head_dims.push_back(2 * pick(1, 4));
    c.dimensions.push_back(c.head_dims.back() * pick(1, 5));
    c.layers.push_back(pick(1, 3));
    c.sliding_windows.push_back(8);
    c.max_seqlens.push_back(-1);
  }
  for (int64_t k = 1; k < stages; ++k) c.residuals.push_back(stream.below(3) > 0);
  c.multiple_of = pick(1, 32);
  c.lambda_level = stream.below(3) == 0 ? 0.1 : 0;
  const auto types = pooling_types(), upsampling = upsampling_types();
  c.pooling_type = types[stream.below(types.size())];
  if (pooling_of(c) == Pooling::None) {
    for (size_t k = 1; k < c.dimensions.size(); ++k) {
      c.dimensions[k] = c.dimensions[k - 1] * pick(1, 3);
      c.head_dims[k] = c.head_dims[k - 1];
    }
  }
  if (stream.below(2) == 0) c.upsampling = upsampling[stream.below(upsampling.size())];
  c.skip = stream.below(2) == 0 ? "concat" : "add";
  c.weight_tying = stream.below(2) == 0;
  if (stream.below(2) == 0) c.n_kv_heads.assign(c.dimensions.size(), 1);
  if (stream.below(2) == 0) {
    for (int64_t k = 1; k < stages; ++k) c.lambda_units.push_back(stream.below(2) == 0 ? 0 : 0.1);
    c.unit_reach = pick(1, 4);
  }
  return c;
}

int64_t values_of(const std::shared_ptr<LanguageModel>& model) {
  int64_t n = 0;
  for (const auto& p : model->official_parameters()) n += p.second.numel();
  return n;
}

}  // namespace

TEST_CASE("the counter counts what 200 random instantiated models hold", "[params]") {
  RandomStream stream(7, "test.params");
  for (int i = 0; i < 200; ++i) {
    const ModelConfig config = random_model(stream);
    REQUIRE(values_of(make_model(config, 0)) == count_params(config).total);
    REQUIRE(values_of(make_model(config, std::nullopt)) == count_params(config).total);
  }
}

TEST_CASE("the counter counts what the model of every experiment file declares", "[params]") {
  const std::string folder = std::string(AUNET_SOURCE_DIR) + "/experiments";
  int n = 0;
  for (const std::string& path : toml_files(folder)) {
    const ModelConfig config = read_experiment(path).run.model;
    const auto model = make_model(config, std::nullopt);  // up to 8 billion weights: shapes, no memory
    INFO(path);
    CHECK(model->store().values().device().is_meta());
    CHECK(values_of(model) == count_params(config).total);
    if (count_params(config).total < 1'000'000) CHECK(values_of(make_model(config, 0)) == values_of(model));
    ++n;
  }
  CHECK(n >= 57);  // 36 scaling runs, 11 equal-data runs, 7 ablations, 3 small ones
}

TEST_CASE("initial weights depend on seed and name only, with the official scale cut at 3 sigma",
          "[params]") {
  TransformerConfig c;
  c.dim = 64, c.n_layers = 2, c.head_dim = 32, c.vocab_size = 200, c.multiple_of = 32;
  const auto a = make_model(c, 3)->official_parameters();
  c.n_layers = 1;
  const auto b = make_model(c, 3)->official_parameters(), other = make_model(c, 4)->official_parameters();
  for (const auto& [name, tensor] : b) {
    const auto same = std::find_if(a.begin(), a.end(), [&](const auto& p) { return p.first == name; });
    REQUIRE(same != a.end());
    CHECK(at::equal(same->second, tensor));
    if (tensor.dim() == 1) {
      CHECK(at::equal(tensor, at::ones_like(tensor)));
      continue;
    }
    INFO(name);
    const double std = 1 / std::sqrt(static_cast<double>(tensor.size(1)));
    CHECK(tensor.abs().max().item<double>() <= 3.0001 * std);
    CHECK(tensor.std().item<double>() == Approx(0.98658 * std).epsilon(0.03));  // of a normal cut at 3 sigma
  }
  CHECK_FALSE(at::equal(b[0].second, other[0].second));
}
