#include "eval/causality.h"

#include "baselines/bpe.h"
#include "data/tokenizer.h"
#include "tests/support/bigram_model.h"

#include <catch2/catch.hpp>

#include <limits>

using namespace aunet;

namespace {

const std::string kText =
    "It was a dark and stormy night; the rain fell in torrents, except at occasional intervals, when it was "
    "checked by "
    "a violent gust of wind which swept up the streets (for it is in London that our scene lies), rattling "
    "along the "
    "house-tops, and fiercely agitating the scanty flame of the 12 lamps that struggled against the "
    "darkness.";

Corpus heldout() { return {kText, {0, kText.size()}, {0}, ""}; }

AunetConfig aunet_config(SplitMode mode) {
  AunetConfig config;
  config.dimensions = {8, 8};
  config.layers = {1, 1};
  config.head_dims = {8, 8};
  config.residuals = {true};
  config.sliding_windows = {512, 512};
  config.max_seqlens = {-1, -1};
  config.split = {{"word1", "1@1"}};
  config.split_mode = mode;
  return config;
}

TransformerConfig bytes_config() {
  TransformerConfig config;
  config.vocab_size = 258;
  config.tokenizer.kind = "bytes";
  return config;
}

/// Row r also reads the input of row r + 1 of its sequence.
struct PeekingModel : BigramModel {
  using BigramModel::BigramModel;
  double strength = 1;
  at::Tensor logits(const DeviceBatch& batch) override {
    at::Tensor next = batch.inputs.roll(-1);
    return BigramModel::logits(batch) + strength * table_.index_select(0, next);
  }
};

/// Every row reads the mean of the whole batch.
struct MixingModel : BigramModel {
  using BigramModel::BigramModel;
  at::Tensor logits(const DeviceBatch& batch) override {
    const at::Tensor rows = BigramModel::logits(batch);
    return rows + rows.mean(0, true);
  }
};

/// A causal network on top of the boundaries: each row also reads the byte at the start of its unit.
struct UnitModel : BigramModel {
  using BigramModel::BigramModel;
  at::Tensor logits(const DeviceBatch& batch) override {
    const DeviceTransition& transition = batch.transitions.at(0);
    const at::Tensor starts = batch.inputs.index_select(0, transition.kept).index_select(0, transition.unit);
    return BigramModel::logits(batch) + table_.index_select(0, starts);
  }
};

CausalityVerdict check(BigramModel& model, const ModelConfig& config, const Tokenizer& tokenizer,
                       int64_t n_perturbations = 96) {
  model.randomize(7);
  const SequenceBuilder builder(config, tokenizer);
  return check_causality(model, config, builder, heldout(), at::kCPU,
                         {.n_perturbations = n_perturbations, .context_bytes = 256});
}

}  // namespace

TEST_CASE("a bigram passes the causality gate", "[eval]") {
  BigramModel model(258);
  const CausalityVerdict verdict = check(model, bytes_config(), *make_byte_tokenizer());
  CAPTURE(verdict.detail);
  CHECK(verdict.verdict == "pass");
  CHECK(verdict.leak_rate == 0);
  CHECK(verdict.n_perturbations == 96);
}

TEST_CASE("a model that reads the next byte fails, also when it hides it well", "[eval]") {
  PeekingModel model(258);
  const CausalityVerdict loud = check(model, bytes_config(), *make_byte_tokenizer());
  CHECK(loud.verdict == "fail");
  CHECK(loud.leak_rate > 0.5);
  model.strength = 1e-3;
  CHECK(check(model, bytes_config(), *make_byte_tokenizer()).verdict == "fail");
}

TEST_CASE("a model whose sequences see each other fails", "[eval]") {
  MixingModel model(258);
  CHECK(check(model, bytes_config(), *make_byte_tokenizer()).verdict == "fail");
}

TEST_CASE("a model with logits that are no numbers fails", "[eval]") {
  struct BrokenModel : BigramModel {
    using BigramModel::BigramModel;
    at::Tensor logits(const DeviceBatch& batch) override {
      return BigramModel::logits(batch) * std::numeric_limits<float>::quiet_NaN();
    }
  } model(258);
  CHECK(check(model, bytes_config(), *make_byte_tokenizer()).verdict == "fail");
}

TEST_CASE("official word boundaries leak and causal ones do not", "[eval]") {
  UnitModel model(258);
  const CausalityVerdict official =
      check(model, aunet_config(SplitMode::Official), *make_byte_tokenizer(), 400);
  CAPTURE(official.detail);
  CHECK(official.verdict == "leak");
  CHECK(official.n_levels_moved > 0);
  CHECK(official.n_logits_moved == 0);
  CHECK(official.leak_rate == Approx(static_cast<double>(official.n_levels_moved) / 400));
  const CausalityVerdict causal = check(model, aunet_config(SplitMode::Causal), *make_byte_tokenizer(), 400);
  CAPTURE(causal.detail);
  CHECK(causal.verdict == "pass");
}

TEST_CASE("a network that sees the future fails also under a rule that leaks", "[eval]") {
  PeekingModel model(258);
  CHECK(check(model, aunet_config(SplitMode::Official), *make_byte_tokenizer()).verdict == "fail");
}

TEST_CASE("a BPE model is tested at token granularity", "[eval]") {
  const Bpe tokenizer = Bpe::train({kText}, 300, "gpt2");
  TransformerConfig config;
  config.vocab_size = 302;
  BigramModel bigram(302);
  const CausalityVerdict verdict = check(bigram, config, tokenizer);
  CAPTURE(verdict.detail);
  CHECK(verdict.verdict == "pass");
  PeekingModel peeking(302);
  CHECK(check(peeking, config, tokenizer).verdict == "fail");
}

TEST_CASE("the verdict is the same every time", "[eval]") {
  UnitModel model(258);
  const CausalityVerdict a = check(model, aunet_config(SplitMode::Official), *make_byte_tokenizer());
  const CausalityVerdict b = check(model, aunet_config(SplitMode::Official), *make_byte_tokenizer());
  CHECK(a.detail == b.detail);
  CHECK(a.leak_rate == b.leak_rate);
}
