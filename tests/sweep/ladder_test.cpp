#include "sweep/ladder.h"
#include "budget/flops.h"
#include "core/error.h"

#include <catch2/catch.hpp>

using namespace aunet;

namespace {

FamilySpec aunet_family(size_t stages) {
  AunetConfig base;
  base.multiple_of = 0;
  base.split.assign(stages - 1, {"word1", "1@1"});
  FamilySpec family;
  family.name = family.kind = "aunet";
  family.base = base;
  family.line = 12;
  return family;
}

FamilySpec llama_family() {
  TransformerConfig base;
  base.head_dim = base.multiple_of = 0;
  base.tokenizer.vocab = 512;
  FamilySpec family;
  family.name = family.kind = "llama";
  family.base = base;
  family.line = 12;
  return family;
}

SweepSpec named() {
  SweepSpec spec;
  spec.file = "s.toml";
  return spec;
}

}  // namespace

TEST_CASE("widths snap to steps of 8, 16, 32 and 64", "[ladder]") {
  const std::vector<std::pair<double, int64_t>> cases = {
      {3, 8},     {27, 24},   {28, 32},   {61, 64},   {70, 64},     {73, 80},    {140, 128},
      {150, 160}, {511, 512}, {530, 512}, {550, 576}, {3072, 3072}, {4600, 4608}};
  for (const auto& [width, expected] : cases) CHECK(snap_width(width) == expected);
}

TEST_CASE("depth follows 23 of the paper's 24 one-trunk rows within 3 blocks", "[ladder]") {
  // AU-Net 2 trunks, then BPE (paper.md 2.4), all but AU-Net 2's 2688 x 33, which lies 5 above the rule
  const std::vector<std::pair<int64_t, int64_t>> rows = {
      {1024, 11}, {1152, 13}, {1280, 14}, {1536, 14}, {1536, 19}, {1920, 17}, {2048, 21}, {2304, 24},
      {2560, 26}, {3200, 32}, {3584, 35}, {1024, 12}, {1152, 13}, {1280, 14}, {1536, 15}, {1664, 17},
      {1792, 20}, {2048, 21}, {2304, 24}, {2560, 26}, {2816, 29}, {3072, 34}, {3456, 37}};
  for (const auto& [width, layers] : rows) CHECK(std::abs(ladder_depth(width) - layers) <= 3);
  CHECK(ladder_depth(32) == 2);
}

TEST_CASE("stage widths: half of a small trunk, the paper's quarter of a large one", "[ladder]") {
  CHECK(ladder_dims(64, 2) == std::vector<int64_t>{32, 64});  // measured good at 1e11 FLOPs
  CHECK(ladder_dims(512, 2) == std::vector<int64_t>{256, 512});
  CHECK(ladder_dims(768, 2) == std::vector<int64_t>{256, 768});
  CHECK(ladder_dims(1024, 2) == std::vector<int64_t>{256, 1024});
  CHECK(ladder_dims(2048, 2) == std::vector<int64_t>{512, 2048});
  CHECK(ladder_dims(2048, 4) == std::vector<int64_t>{512, 2048, 3072, 4608});  // paper.md 1.1
  CHECK(ladder_dims(2560, 2) == std::vector<int64_t>{640, 2560});
}

TEST_CASE("layers: the trunk takes what the inner stages leave of the depth", "[ladder]") {
  CHECK(ladder_layers(64, 2) == std::vector<int64_t>{1, 3});
  CHECK(ladder_layers(2048, 2) == std::vector<int64_t>{3, 22});
  CHECK(ladder_layers(2048, 3) == std::vector<int64_t>{3, 3, 16});  // the paper's 9e20 row
  CHECK(ladder_layers(64, 3) == std::vector<int64_t>{1, 1, 2});
}

TEST_CASE("head widths divide and leave two heads", "[ladder]") {
  CHECK(ladder_head_dim(2048, false) == 128);
  CHECK(ladder_head_dim(2048, true) == 64);
  CHECK(ladder_head_dim(64, false) == 32);
  CHECK(ladder_head_dim(80, false) == 16);
  CHECK(ladder_head_dim(40, false) == 8);
  CHECK(ladder_head_dim(16, true) == 8);
}

TEST_CASE("every size of every ladder is a valid model, and neighbours are within 1.9 in FLOPs", "[ladder]") {
  for (const FamilySpec& family : {aunet_family(2), aunet_family(3), aunet_family(4), llama_family()}) {
    double before = 0;
    for (const ModelConfig& model : ladder(family, named())) {
      std::vector<int64_t> rows = {1000};
      if (const auto* m = std::get_if<AunetConfig>(&model)) {
        for (size_t k = 0; k < m->dimensions.size(); ++k) {
          CHECK(m->dimensions[k] % m->head_dims[k] == 0);
          CHECK(m->head_dims[k] % 2 == 0);
          if (k > 0) rows.push_back(rows.back() / 4);
        }
        CHECK(m->sliding_windows.size() == m->dimensions.size());
        CHECK(m->residuals.size() + 1 == m->dimensions.size());
        CHECK(m->max_seqlens == std::vector<int64_t>(m->dimensions.size(), -1));
      } else {
        CHECK(std::get<TransformerConfig>(model).vocab_size == 514);
      }
      const double cost = sequence_flops(model, rows, Convention::Useful).total();
      if (before > 0 && cost > 1e9) CHECK(cost < 1.9 * before);
      before = cost;
    }
  }
}

TEST_CASE("what the file fixes stays: head widths, windows, multiple_of", "[ladder]") {
  FamilySpec family = aunet_family(2);
  auto& base = std::get<AunetConfig>(family.base);
  base.head_dims = {16, 64};
  base.sliding_windows = {64, 256};
  base.multiple_of = 8;
  for (const ModelConfig& model : ladder(family, named())) {
    const auto& m = std::get<AunetConfig>(model);
    CHECK(m.head_dims == base.head_dims);
    CHECK(m.sliding_windows == base.sliding_windows);
    CHECK(m.multiple_of == 8);
    CHECK(m.dimensions[1] % 64 == 0);
  }
}

TEST_CASE("grouped queries keep the sizes that they divide, and follow a tuned byte width", "[ladder]") {
  FamilySpec aunet = aunet_family(2);
  const size_t all = ladder(aunet, named()).size();
  std::get<AunetConfig>(aunet.base).n_kv_heads = {2, 3};
  const std::vector<ModelConfig> sizes = ladder(aunet, named());
  CHECK(sizes.size() > 2);
  CHECK(sizes.size() < all);
  for (const ModelConfig& size : sizes) {
    const auto& m = std::get<AunetConfig>(size);
    for (size_t k = 0; k < 2; ++k) CHECK(m.dimensions[k] / m.head_dims[k] % m.n_kv_heads[k] == 0);
  }
  CHECK_THROWS_WITH(sized_model(aunet, named(), {64, 128}, {1, 2}, {16, 32}),
                    "s.toml:12: family 'aunet': n_kv_heads: expected a divisor of 4 heads, got 3");
  aunet.byte_width = 0.75;
  const ModelConfig narrow = sized_model(aunet, named(), {64, 96}, {1, 2}, {16, 32});
  CHECK(std::get<AunetConfig>(narrow).n_kv_heads == std::vector<int64_t>{1, 3});  // 3 heads of 16
  FamilySpec llama = llama_family();
  std::get<TransformerConfig>(llama.base).n_kv_heads = 3;
  for (const ModelConfig& size : ladder(llama, named())) {
    const auto& m = std::get<TransformerConfig>(size);
    CHECK(m.dim / m.head_dim % 3 == 0);
  }
}

TEST_CASE("sizes that do not fit the family name its line", "[ladder]") {
  CHECK_THROWS_WITH(
      sized_model(aunet_family(3), named(), {32, 64}, {1, 2}),
      "s.toml:12: family 'aunet': sizes: expected 3 dims and layers (one per stage), got 2 and 2");
  CHECK_THROWS_WITH(sized_model(aunet_family(2), named(), {32, 64}, {1, 2}, {32, 24}),
                    "s.toml:12: family 'aunet': head_dims: expected divisors of 32, 64, got 32, 24");
  CHECK_THROWS_AS(sized_model(llama_family(), named(), {32}, {1}, {24}), ConfigError);
}
