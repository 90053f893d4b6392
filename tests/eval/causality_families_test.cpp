// The causality gate over what can be configured: families, pooling and upsampling types, split rules.
#include "baselines/bpe.h"
#include "baselines/make_model.h"
#include "data/leak.h"
#include "data/tokenizer.h"
#include "eval/bits_per_byte.h"
#include "eval/causality.h"
#include "eval/causality_levels.h"
#include "eval/causality_texts.h"
#include "model/aunet.h"
#include "tests/eval/held_out.h"
#include "tests/support/bigram_model.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace aunet;
using Catch::Matchers::Contains;

namespace {

AunetConfig aunet_config(const std::string& split, SplitMode mode = SplitMode::Causal) {
  AunetConfig config;
  config.split = parse_split(split, "test");
  config.split_mode = mode;
  config.dimensions = {8};
  for (size_t k = 0; k < config.split.size(); ++k) config.dimensions.push_back(2 * config.dimensions.back());
  const size_t n_stages = config.dimensions.size();
  config.layers.assign(n_stages, 1);
  config.head_dims.assign(n_stages, 8);
  config.residuals.assign(n_stages - 1, true);
  config.sliding_windows.assign(n_stages, 24);
  config.max_seqlens.assign(n_stages, -1);
  config.multiple_of = 8;
  return config;
}

TransformerConfig transformer_config(int64_t vocab) {
  TransformerConfig config;
  config.dim = 16;
  config.n_layers = 2;
  config.head_dim = 8;
  config.vocab_size = vocab;
  config.sliding_window = 24;
  config.multiple_of = 8;
  return config;
}

CausalityVerdict check(LanguageModel& model, const ModelConfig& config, const Tokenizer& tokenizer,
                       int64_t n_perturbations = 200) {
  const SequenceBuilder builder(config, tokenizer);
  return check_causality(model, config, builder, held_out(), at::kCPU,
                         {.n_perturbations = n_perturbations, .context_bytes = 128});
}

CausalityVerdict check_initial(const AunetConfig& config, int64_t n_perturbations = 200) {
  return check(*make_model(config, 1), config, *make_byte_tokenizer(), n_perturbations);
}

// Every rule that needs no file, alone and as deeper stages. A new rule is a new line.
const std::vector<std::string> kRules = {
    "word1=1@1",   "word2=2@1",         "word1=1@1,word2=2@1", "word1=1@1,word2=2@1,word4=4@1",
    "pretok1=1@1", "pretok2=2@1",       "punct1=1@1",          "word1=1@1,punct1=1@1",
    "space",       "every=4",           "every=2,every=8",     "chars=3",
    "script=2",    "script=1,word2=2@1"};

}  // namespace

TEST_CASE("every split rule passes in causal mode", "[eval][gate]") {
  for (const std::string& rule : kRules) {
    const CausalityVerdict verdict = check_initial(aunet_config(rule), 100);
    CAPTURE(rule, verdict.detail);
    CHECK(verdict.verdict == "pass");
    CHECK(verdict.n_leaky == 0);
    CHECK(verdict.n_positions == static_cast<int64_t>(held_out_text().size()));
    CHECK(verdict.n_perturbations() == 150);
  }
}

TEST_CASE("every pooling and upsampling type passes, in shallow and deep models", "[eval][gate]") {
  for (const std::string& pooling : pooling_types()) {
    std::vector<std::string> ways_up = upsampling_types();
    ways_up.push_back("");
    for (const std::string& up : ways_up) {
      // No weights on one side only is no combination.
      if (!up.empty() && (pooling == "non_param") != (up == "non_param")) continue;
      AunetConfig config = aunet_config(up.empty() ? "word1=1@1,word2=2@1" : "word1=1@1");
      config.pooling_type = pooling;
      config.upsampling = up;
      const CausalityVerdict verdict = check_initial(config, 64);
      CAPTURE(pooling, up, verdict.detail);
      CHECK(verdict.verdict == "pass");
    }
  }
}

TEST_CASE("skips by concatenation, stages without residual, capped stages and heads of stages pass",
          "[eval][gate]") {
  std::vector<AunetConfig> configs(4, aunet_config("word1=1@1,word2=2@1"));
  configs[0].skip = "concat";
  configs[1].residuals = {false, false};
  configs[2].max_seqlens = {-1, 12, 6};
  configs[3].lambda_units = {0.1, 0.1};
  configs[3].lambda_level = 0.1;
  for (const AunetConfig& config : configs) {
    const CausalityVerdict verdict = check_initial(config);
    CAPTURE(verdict.detail);
    CHECK(verdict.verdict == "pass");
  }
}

TEST_CASE("the transformers pass, on bytes and on BPE tokens", "[eval][gate]") {
  TransformerConfig bytes = transformer_config(258);
  bytes.tokenizer.kind = "bytes";
  const CausalityVerdict on_bytes = check(*make_model(bytes, 1), bytes, *make_byte_tokenizer());
  CAPTURE(on_bytes.detail);
  CHECK(on_bytes.verdict == "pass");
  CHECK(on_bytes.n_positions == 0);
  const Bpe tokenizer = Bpe::train({held_out_text()}, 400, "gpt2");
  const TransformerConfig llama = transformer_config(402);
  const CausalityVerdict on_tokens = check(*make_model(llama, 1), llama, tokenizer);
  CAPTURE(on_tokens.detail);
  CHECK(on_tokens.verdict == "pass");
}

TEST_CASE("an AU-Net that pools one row too late fails, under causal and official rules", "[eval][gate]") {
  struct Ahead : AUNet {
    using AUNet::AUNet;
    at::Tensor logits(const DeviceBatch& batch) override {
      DeviceBatch ahead = batch;
      at::Tensor& kept = ahead.transitions.at(0).kept;
      kept = (kept + 1).clamp_max(batch.inputs.size(0) - 1);
      return AUNet::logits(ahead);
    }
  };
  for (const SplitMode mode : {SplitMode::Causal, SplitMode::Official}) {
    const AunetConfig config = aunet_config("word1=1@1", mode);
    Ahead model(config, 1);
    const CausalityVerdict verdict = check(model, config, *make_byte_tokenizer());
    CAPTURE(verdict.detail);
    CHECK(verdict.verdict == "fail");
    CHECK_THAT(verdict.detail, Contains("first: "));
  }
}

TEST_CASE("the official rules leak where the leak report says, and at more continuations", "[eval][gate]") {
  for (const char* text : {"pretok1=1@1", "word1=1@1", "punct1=1@1"}) {
    const Splitter splitter(parse_split(text, "test"), SplitMode::Official);
    const LevelRule rule = [&](const std::vector<int32_t>& ids) { return splitter.levels(ids); };
    int64_t n_at_end = 0, n_at_any = 0, n_positions = 0;
    std::vector<std::vector<int32_t>> pieces;
    for (const std::string_view piece : sample_pieces(held_out(), 1 << 20, 0)) {
      const std::vector<bool> at_end = leaky_positions(rule, piece, nullptr, {{}});
      const std::vector<bool> at_any = leaky_positions(rule, piece);
      for (size_t t = 0; t < at_end.size(); ++t) CHECK_FALSE((at_end[t] && !at_any[t]));
      n_at_end += std::count(at_end.begin(), at_end.end(), true);
      n_at_any += std::count(at_any.begin(), at_any.end(), true);
      n_positions += std::ssize(piece);
      pieces.emplace_back(piece.begin(), piece.end());
      for (int32_t& id : pieces.back()) id &= 0xff;
    }
    const LeakReport report = measure_leak(parse_split(text, "test"), pieces);
    CAPTURE(text, n_at_end, n_at_any, report.changed);
    CHECK(report.positions == n_positions);
    CHECK(n_at_end == report.changed);
    CHECK(n_at_any >= n_at_end);
    CHECK(n_at_any > 0);

    const AunetConfig config = aunet_config(text, SplitMode::Official);
    const CausalityVerdict verdict = check_initial(config);
    CAPTURE(verdict.detail);
    CHECK(verdict.verdict == "leak");
    CHECK(verdict.n_leaky == n_at_any);
    CHECK(verdict.leak_rate == Approx(static_cast<double>(n_at_any) / static_cast<double>(n_positions)));
    CHECK(verdict.leak_rate >= report.rate());
  }
}

TEST_CASE("leaky and clean bytes of a leak are scored apart, and together are the whole score",
          "[eval][gate]") {
  const AunetConfig config = aunet_config("punct1=1@1", SplitMode::Official);
  const auto model = make_model(config, 1);
  const auto tokenizer = make_byte_tokenizer();
  const SequenceBuilder builder(config, *tokenizer);
  const CausalityVerdict verdict = check(*model, config, *tokenizer);
  REQUIRE(verdict.score);
  // No more text than the gate scans: it scores every byte, in pieces of 128 bytes.
  const auto whole =
      score_corpus(*model, config, builder, held_out(), at::kCPU, {.context_bytes = 128}).value();
  const LeakScore& score = *verdict.score;
  CHECK(score.leaky_bytes + score.clean_bytes == whole.text_bytes);
  CHECK(score.leaky_nats + score.clean_nats == Approx(whole.nats).epsilon(1e-6));
  CHECK(score.leaky_bytes > 0);
  CHECK(score.leaky_bytes <= verdict.n_leaky);  // the last byte of a piece predicts none
  CHECK(*score.leaky_bpb() ==
        Approx(score.leaky_nats / std::log(2.0) / static_cast<double>(score.leaky_bytes)));
  CHECK_THAT(verdict.detail, Contains("bits per byte"));
}

TEST_CASE("a model that reads the leak is better at the leaky bytes only", "[eval][gate]") {
  // The official punct rule has a boundary at a blank only where a line break follows: it tells the next
  // byte.
  struct Reader : BigramModel {
    using BigramModel::BigramModel;
    bool reads = true;
    at::Tensor target_nats(const DeviceBatch& batch) override {
      const DeviceTransition& transition = batch.transitions.at(0);
      at::Tensor boundary = at::zeros({batch.inputs.size(0)}, at::kFloat);
      boundary.index_fill_(0, transition.kept, 1);
      const at::Tensor blank = batch.inputs.eq(' '), breaks = batch.targets.eq('\n');
      const at::Tensor guessed = breaks.eq(boundary.ne(0));
      // Two outcomes after a blank: sure of the right one, or undecided.
      return blank * (reads ? at::where(guessed, 0.01, 3.0) : at::full_like(boundary, 0.7)) + 1;
    }
  } model(258);
  const AunetConfig config = aunet_config("punct1=1@1", SplitMode::Official);
  const CausalityVerdict reading = check(model, config, *make_byte_tokenizer());
  model.reads = false;
  const CausalityVerdict blind = check(model, config, *make_byte_tokenizer());
  REQUIRE((reading.score && blind.score));
  CAPTURE(reading.detail, blind.detail);
  CHECK(*reading.score->leaky_bpb() < *blind.score->leaky_bpb());
  CHECK(*reading.score->clean_bpb() == Approx(*blind.score->clean_bpb()).epsilon(0.01));
}
