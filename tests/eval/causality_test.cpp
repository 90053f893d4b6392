#include "eval/causality.h"

#include "baselines/bpe.h"
#include "data/tokenizer.h"
#include "eval/causality_texts.h"
#include "tests/eval/held_out.h"
#include "tests/support/bigram_model.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <limits>
#include <map>

using namespace aunet;

namespace {

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
  return check_causality(model, config, builder, held_out(), at::kCPU,
                         {.n_perturbations = n_perturbations, .context_bytes = 256});
}

}  // namespace

TEST_CASE("a bigram passes the causality gate", "[eval]") {
  BigramModel model(258);
  const CausalityVerdict verdict = check(model, bytes_config(), *make_byte_tokenizer());
  CAPTURE(verdict.detail);
  CHECK(verdict.verdict == "pass");
  CHECK(verdict.leak_rate == 0);
  CHECK(verdict.n_heldout == 96);
  CHECK(verdict.n_adversarial == 48);
  CHECK(verdict.worst_logit == 0);
}

TEST_CASE("a model that reads the next byte fails, also when it hides it well", "[eval]") {
  PeekingModel model(258);
  const CausalityVerdict loud = check(model, bytes_config(), *make_byte_tokenizer());
  CHECK(loud.verdict == "fail");
  CHECK(loud.n_logits_moved > loud.n_perturbations() / 2);
  CHECK(loud.leak_rate == 0);  // no level moves
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
  CHECK(official.leak_rate > 0);
  const CausalityVerdict causal = check(model, aunet_config(SplitMode::Causal), *make_byte_tokenizer(), 400);
  CAPTURE(causal.detail);
  CHECK(causal.verdict == "pass");
}

TEST_CASE("a network that sees the future fails also under a rule that leaks", "[eval]") {
  PeekingModel model(258);
  CHECK(check(model, aunet_config(SplitMode::Official), *make_byte_tokenizer()).verdict == "fail");
}

TEST_CASE("a BPE model is tested at token granularity", "[eval]") {
  const Bpe tokenizer = Bpe::train({held_out_text()}, 300, "gpt2");
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

TEST_CASE("the tolerance follows the compute type, unless it is given", "[eval]") {
  CHECK(causality_tolerance(at::kFloat) == 1e-4);
  CHECK(causality_tolerance(at::kDouble) == 1e-4);
  CHECK(causality_tolerance(at::kBFloat16) == 5e-2);
  PeekingModel model(258);
  model.strength = 1e-3;
  model.randomize(7);
  const auto tokenizer = make_byte_tokenizer();
  const SequenceBuilder builder(bytes_config(), *tokenizer);
  const auto verdict_at = [&](std::optional<double> tolerance) {
    return check_causality(model, bytes_config(), builder, held_out(), at::kCPU,
                           {.n_perturbations = 96, .tolerance = tolerance})
        .verdict;
  };
  CHECK(verdict_at({}) == "fail");
  CHECK(verdict_at(0.5) == "pass");
  model.set_compute_type(at::kBFloat16);
  CHECK(verdict_at({}) == "pass");  // a thousandth is below what bfloat16 tells apart
}

TEST_CASE("without held-out text the adversarial list is tried", "[eval]") {
  BigramModel bigram(258);
  PeekingModel peeking(258);
  const auto tokenizer = make_byte_tokenizer();
  const SequenceBuilder builder(bytes_config(), *tokenizer);
  for (BigramModel* model : {&bigram, static_cast<BigramModel*>(&peeking)}) {
    model->randomize(7);
    const CausalityVerdict verdict = check_causality(*model, bytes_config(), builder, {}, at::kCPU, {});
    CHECK(verdict.verdict == (model == &bigram ? "pass" : "fail"));
    CHECK(verdict.n_heldout == 0);
    CHECK(verdict.n_adversarial == 512);
  }
}

TEST_CASE("forks are equal up to t and different after it, at every byte of the text", "[eval]") {
  HeldoutForks forks(held_out(), 64, 5);
  std::map<std::string, int> kinds;
  size_t longest = 0;
  for (int i = 0; i < 4000; ++i) {
    const Fork fork = forks.next();
    REQUIRE(fork.before != fork.after);
    REQUIRE(fork.before.substr(0, fork.t + 1) == fork.after.substr(0, fork.t + 1));
    REQUIRE(static_cast<int64_t>(fork.before.size()) > fork.t);
    REQUIRE(held_out_text().find(fork.before) != std::string::npos);
    REQUIRE(fork.t < 64);
    longest = std::max(longest, fork.before.size());
    ++kinds[fork.kind];
  }
  CHECK(kinds.size() == 4);
  for (const auto& [kind, count] : kinds) CHECK(count > 400);
  CHECK(longest > 64);
}

TEST_CASE("pieces cover a small corpus once, and sample a large one", "[eval]") {
  std::string all;
  for (const std::string_view piece : sample_pieces(held_out(), 1 << 20, 0)) all += piece;
  CHECK(all == held_out_text());
  size_t n = 0;
  for (const std::string_view piece : sample_pieces(held_out(), 500, 0)) {
    CHECK(held_out_text().find(piece) != std::string::npos);
    CHECK((static_cast<uint8_t>(piece[0]) & 0xC0) != 0x80);
    n += piece.size();
  }
  CHECK(n >= 500);
  CHECK(n < 500 + 128);
}
