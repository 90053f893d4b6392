// Decoders against the whole model on the same prefix, at every step.
#include "model/decoder.h"

#include "baselines/make_model.h"
#include "core/random.h"

#include <ATen/ATen.h>
#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace aunet;

namespace {

AunetConfig aunet_config(int64_t stages) {
  AunetConfig c;
  c.dimensions = {16, 32, 64, 128};
  c.layers = {1, 2, 1, 1};
  c.head_dims = {8, 8, 16, 32};
  c.sliding_windows = {9, 4, 3, 2};  // all of them are left behind within a test
  for (auto* list : {&c.dimensions, &c.layers, &c.head_dims, &c.sliding_windows})
    list->resize(static_cast<size_t>(stages));
  c.residuals.assign(static_cast<size_t>(stages) - 1, true);
  c.max_seqlens.assign(static_cast<size_t>(stages), -1);
  c.multiple_of = 8;
  return c;
}

TransformerConfig transformer_config(int64_t window, int64_t kv_heads, bool tied) {
  TransformerConfig c;
  c.dim = 24, c.n_layers = 2, c.head_dim = 6, c.multiple_of = 8;
  c.n_kv_heads = kv_heads;
  c.vocab_size = 97;
  c.sliding_window = window;
  c.weight_tying = tied;
  return c;
}

struct Drawn {
  const ModelConfig& config;
  RandomStream random{5, "test.decoder"};

  NextId next(int64_t sequence, int32_t id) {
    int32_t level = 0;
    if (const auto* aunet = std::get_if<AunetConfig>(&config)) {
      const auto deepest = static_cast<int32_t>(aunet->dimensions.size()) - 1;
      while (level < deepest && random.below(3) == 0) ++level;
      if (id == 256) level = deepest;
    }
    return {sequence, id, level};
  }
  int32_t id() {
    const auto* transformer = std::get_if<TransformerConfig>(&config);
    return static_cast<int32_t>(
        random.below(transformer ? static_cast<uint64_t>(transformer->vocab_size) : 258));
  }
  Prefix prefix(int64_t length) {
    Prefix p;
    for (int64_t i = 0; i < length; ++i) {
      const NextId drawn = next(0, i == 0 && config.index() == 0 ? 256 : id());
      p.ids.push_back(drawn.id), p.levels.push_back(drawn.level);
    }
    return p;
  }
};

/// [B, V]: what the whole model gives after each prefix.
at::Tensor whole_model(LanguageModel& model, const ModelConfig& config, const std::vector<Prefix>& prefixes) {
  const Batch batch = pack_prefixes(prefixes, config);
  return model.logits(to_device(batch, at::kCPU)).index_select(0, last_rows(batch.cu_rows[0], at::kCPU));
}

/// Prompts of several lengths go on together, then leave one after the other. Every second id is the
/// likeliest one, the others are random (marks among them). Returns the largest difference of logits.
double worst_difference(const ModelConfig& config, bool in_double = false) {
  const std::shared_ptr<LanguageModel> model = make_model(config, 3);
  if (in_double) model->to_double();
  Drawn drawn{config};
  std::vector<Prefix> prefixes;
  for (const int64_t length : {1, 2, 31, 7, 40}) prefixes.push_back(drawn.prefix(length));
  const std::unique_ptr<Decoder> decoder = model->decoder(std::ssize(prefixes));
  std::vector<int64_t> going = {0, 1, 2, 3, 4};
  at::Tensor logits = decoder->prefill(prefixes);
  double worst = 0;
  int64_t steps = 0, argmax_differs = 0;
  for (;; ++steps) {
    std::vector<Prefix> current;
    for (const int64_t b : going) current.push_back(prefixes[static_cast<size_t>(b)]);
    const at::Tensor expected = whole_model(*model, config, current);
    REQUIRE(logits.sizes() == expected.sizes());
    worst = std::max(worst, (logits - expected).abs().max().item<double>());
    const at::Tensor likeliest = logits.argmax(1), expected_likeliest = expected.argmax(1);
    argmax_differs += (likeliest != expected_likeliest).sum().item<int64_t>();
    if (steps == 32) break;
    const size_t leaves = steps % 10 == 9 ? going.size() / 2 : going.size();
    std::vector<NextId> next;
    std::vector<int64_t> still;
    for (size_t i = 0; i < going.size(); ++i) {
      if (i == leaves) continue;
      const int64_t likely = likeliest[static_cast<int64_t>(i)].item<int64_t>();
      next.push_back(drawn.next(going[i], steps % 2 ? static_cast<int32_t>(likely) : drawn.id()));
      Prefix& p = prefixes[static_cast<size_t>(going[i])];
      p.ids.push_back(next.back().id), p.levels.push_back(next.back().level);
      still.push_back(going[i]);
    }
    going = std::move(still);
    logits = decoder->step(next);
  }
  CHECK(argmax_differs == 0);
  int64_t stepped = 0;
  for (int64_t i = 0; i < steps; ++i) stepped += 5 - (i + 1) / 10;
  CHECK(decoder->rows_stepped()[0] == stepped);
  return worst;
}

}  // namespace

TEST_CASE("a decoder gives the logits of the whole model: transformers", "[eval][decoder]") {
  for (const int64_t window : {0, 1, 5})
    for (const int64_t kv_heads : {0, 2}) {
      INFO("window " << window << ", kv heads " << kv_heads);
      CHECK(worst_difference(transformer_config(window, kv_heads, window == 5)) < 1e-4);
      CHECK(worst_difference(transformer_config(window, kv_heads, window == 5), true) < 1e-11);
    }
}

TEST_CASE("a decoder gives the logits of the whole model: every pooling, upsampling and skip",
          "[eval][decoder]") {
  struct Kind {
    const char *pooling, *upsampling, *skip;
  };
  const std::vector<Kind> kinds = {{"indexed_matmul", "", "add"},
                                   {"repeat", "", "add"},
                                   {"scatter", "", "add"},
                                   {"nearest", "", "add"},
                                   {"average", "", "add"},
                                   {"max", "", "add"},
                                   {"cross_attention", "", "add"},
                                   {"non_param", "", "add"},
                                   {"indexed_matmul", "", "concat"},
                                   {"average", "repeat", "concat"},
                                   {"max", "nearest", "add"},
                                   {"cross_attention", "scatter", "concat"},
                                   {"scatter", "indexed_matmul", "add"}};
  for (const Kind& kind : kinds) {
    AunetConfig config = aunet_config(3);
    config.pooling_type = kind.pooling;
    config.upsampling = kind.upsampling;
    config.skip = kind.skip;
    INFO(kind.pooling << " / " << kind.upsampling << " / " << kind.skip);
    CHECK(worst_difference(config) < 1e-4);
    CHECK(worst_difference(config, true) < 1e-11);
  }
}

TEST_CASE("a decoder gives the logits of the whole model: stages, residuals, heads, caps",
          "[eval][decoder]") {
  for (const int64_t stages : {2, 3, 4}) {
    INFO("stages " << stages);
    CHECK(worst_difference(aunet_config(stages)) < 1e-4);
    CHECK(worst_difference(aunet_config(stages), true) < 1e-11);
  }
  AunetConfig config = aunet_config(3);
  config.residuals = {false, true};
  CHECK(worst_difference(config, true) < 1e-11);
  config.residuals = {false, false};
  config.weight_tying = true;
  config.n_kv_heads = {1, 2, 4};
  config.lambda_level = 0.1;
  CHECK(worst_difference(config, true) < 1e-11);
  for (const char* pooling : {"indexed_matmul", "average", "scatter"}) {
    config.pooling_type = pooling;
    INFO("caps, " << pooling);
    config.max_seqlens = {-1, 12, 4};  // reached in mid-prompt by some sequences, by others while they go on
    CHECK(worst_difference(config, true) < 1e-11);
  }
}

TEST_CASE("a decoder begins anew with each prefill", "[eval][decoder]") {
  for (const ModelConfig& config :
       {ModelConfig(aunet_config(3)), ModelConfig(transformer_config(5, 0, false))}) {
    const std::shared_ptr<LanguageModel> model = make_model(config, 3);
    const std::unique_ptr<Decoder> decoder = model->decoder(2);
    Drawn drawn{config};
    const std::vector<Prefix> first = {drawn.prefix(9), drawn.prefix(30)},
                              then = {drawn.prefix(20), drawn.prefix(3)};
    decoder->prefill(first);
    decoder->step({drawn.next(1, 3)});
    decoder->prefill(then);
    std::vector<Prefix> longer = then;
    const NextId next = drawn.next(0, 65);
    longer[0].ids.push_back(65), longer[0].levels.push_back(next.level);
    CHECK((decoder->step({next}) - whole_model(*model, config, {longer[0]})).abs().max().item<double>() <
          1e-4);
  }
}
