#include "budget/params.h"
#include "budget/memory.h"
#include "tests/support/shared_data.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <fstream>

using namespace aunet;

namespace {

/// The `config` of a golden safetensors file: eight bytes of length, then a JSON header.
nlohmann::json golden_config(const std::string& name) {
  std::string path = golden_path(name + ".safetensors");
  if (!std::filesystem::exists(path)) path = shared_path("golden/" + name + ".safetensors");
  std::ifstream file(path, std::ios::binary);
  uint64_t size = 0;
  if (!file.read(reinterpret_cast<char*>(&size), sizeof size)) return nullptr;
  std::string header(size, ' ');
  file.read(header.data(), static_cast<std::streamsize>(size));
  return nlohmann::json::parse(nlohmann::json::parse(header)["__metadata__"]["config"].get<std::string>());
}

ModelConfig model_of(const nlohmann::json& c) {
  if (c.contains("dim")) {
    TransformerConfig m;
    m.dim = c["dim"];
    m.n_layers = c["n_layers"];
    m.head_dim = m.dim / c["n_heads"].get<int64_t>();
    m.n_kv_heads = c.value("n_kv_heads", int64_t{0});
    m.vocab_size = c["vocab_size"];
    m.multiple_of = c["multiple_of"];
    m.weight_tying = c.value("weight_tying", false);
    return m;
  }
  AunetConfig m;
  m.dimensions = c["dimensions"].get<std::vector<int64_t>>();
  m.layers = c["layers"].get<std::vector<int64_t>>();
  m.head_dims = c["head_dims"].get<std::vector<int64_t>>();
  m.vocab_size = c["vocab_size"];
  m.multiple_of = c["multiple_of"];
  m.lambda_level = c.value("lambda_level", 0.0);
  const std::string pooling = c["pooling_type"];
  m.pooling_type = pooling == "simple" ? "scatter" : pooling.substr(std::string("simple_").size());
  return m;
}

}  // namespace

TEST_CASE("parameters equal the official implementation's for every golden model", "[budget]") {
  for (const char* name :
       {"aunet_2stage_indexed", "aunet_2stage_non_param", "aunet_2stage_repeat", "aunet_2stage_scatter",
        "aunet_3stage_indexed", "aunet_3stage_truncated_level_head", "llama_gqa", "llama_tied_window"}) {
    INFO(name);
    const auto config = golden_config(name);
    if (config.is_null()) continue;
    CHECK(count_params(model_of(config)).total == config["official_params"].get<int64_t>());
  }
}

TEST_CASE("the parts of a parameter count add up", "[budget]") {
  AunetConfig m;
  m.dimensions = {32, 64};
  m.layers = {1, 2};
  m.multiple_of = 32;
  const ParamCount c = count_params(m);
  CHECK(c.embedding == 258 * 32);
  CHECK(c.head == 258 * 32);
  CHECK(c.transitions == 18 * 32 * 64 + 32 + 64);
  CHECK(c.non_embedding == c.blocks + c.transitions + 32);
  CHECK(c.total == c.embedding + c.head + c.non_embedding);
  CHECK(c.active == c.total - c.embedding + 32);
  TransformerConfig tied{
      .dim = 32, .n_layers = 1, .head_dim = 16, .vocab_size = 100, .weight_tying = true, .tokenizer = {}};
  CHECK(count_params(tied).head == 0);
  CHECK(count_params(tied).active == count_params(tied).total);
}

TEST_CASE("unit heads are counted apart, and a tied AU-Net has one table", "[budget]") {
  AunetConfig m;
  m.dimensions = {32, 64};
  m.layers = {1, 2};
  m.multiple_of = 32;
  const ParamCount plain = count_params(m);
  m.lambda_units = {0.5};
  const ParamCount with = count_params(m);
  CHECK(with.unit_heads == 64 + 4 * 258 * 64);
  CHECK(with.total - plain.total == with.unit_heads);
  CHECK(with.active == plain.active);
  CHECK(with.non_embedding == plain.non_embedding);
  m.lambda_units = {};
  m.weight_tying = true;
  CHECK(plain.total - count_params(m).total == 258 * 32);
  CHECK(count_params(m).active == count_params(m).total);
}

// A transformer of width 8, one layer, one head, feed-forward 32 and 10 ids, with 3 rows, by hand:
// weights 4*64 + 3*8*32 + 2*8 + 2*10*8 + 8 = 1208 numbers; gradients the same; two moments.
// A row of the block keeps 2*8 (inputs) + 3*8 (QKV) + 8 (attention) + 1 (log-sum-exp) + 2*32 (W1, W3) = 113,
// and 8 for its embedding; logits 10. 3 * (113 + 8 + 10) = 393 numbers.
TEST_CASE("memory of a small transformer, by hand", "[budget]") {
  const TransformerConfig m{
      .dim = 8, .n_layers = 1, .head_dim = 8, .vocab_size = 10, .multiple_of = 32, .tokenizer = {}};
  const MemoryEstimate memory = training_memory(m, std::vector<double>{3});
  CHECK(memory.weights == 4 * 1208);
  CHECK(memory.gradients == 4 * 1208);
  CHECK(memory.moments == 8 * 1208);
  CHECK(memory.activations == 4 * 393);
  CHECK(memory.total() == 4 * (4 * 1208 + 393));
}

TEST_CASE("memory of an AU-Net grows with its rows and falls by their stage", "[budget]") {
  AunetConfig m;
  m.dimensions = {32, 64};
  m.layers = {1, 2};
  m.head_dims = {16, 32};
  m.multiple_of = 32;
  const auto activations = [&](double fine, double coarse) {
    return training_memory(m, std::vector<double>{fine, coarse}).activations;
  };
  CHECK(activations(2000, 400) == Approx(2 * activations(1000, 200)));
  CHECK(activations(1000, 200) > activations(1000, 100));
  const double boundary = activations(1000, 200);
  m.pooling_type = "average";
  CHECK(activations(1000, 200) - boundary == 4 * 32 * (1000 + 200));
  m.pooling_type = "cross_attention";
  CHECK(activations(1000, 200) - boundary == 4 * 32 * (7 * 1000 + 4 * 200));
  m.pooling_type = "nearest";
  m.skip = "concat";
  CHECK(activations(1000, 200) - boundary == 4 * 32 * 2 * 1000);
  m.n_kv_heads = {1, 1};  // of 2 heads of 16 and of 32: K and V shrink by 2 x 16 and 2 x 32 numbers a row
  m.skip = "add";
  CHECK(boundary - activations(1000, 200) == 4 * (2 * 1000 * 32 + 2 * 200 * 64));
}
