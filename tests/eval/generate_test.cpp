#include "eval/generate.h"

#include "baselines/bpe.h"
#include "baselines/make_model.h"
#include "data/level_stream.h"
#include "data/split_rules.h"
#include "tests/support/bigram_model.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace aunet;

namespace {

AunetConfig aunet_config(SplitMode mode) {
  AunetConfig c;
  c.dimensions = {16, 24, 40};
  c.layers = {1, 1, 1};
  c.head_dims = {8, 12, 20};
  c.residuals = {true, true};
  c.sliding_windows = {12, 5, 3};
  c.max_seqlens = {-1, -1, -1};
  c.multiple_of = 8;
  c.split = {{"word1", "1@1"}, {"word2", "2@1"}};
  c.split_mode = mode;
  return c;
}

TransformerConfig transformer_config(int64_t vocab) {
  TransformerConfig c;
  c.dim = 16, c.n_layers = 2, c.head_dim = 8, c.multiple_of = 8;
  c.vocab_size = vocab;
  return c;
}

const std::vector<std::string> kPrompts = {"", "x",
                                           "The caf\xc3\xa9 was full; 12 guests \xe2\x80\x94 no more.\n\n",
                                           "It was the best of times, it was the worst of times", " \xff "};

/// The definition: the whole model on the whole text for each new id.
std::string recomputed(LanguageModel& model, const ModelConfig& config, const Tokenizer& tokenizer,
                       size_t prompt, const GenerateOptions& options) {
  std::vector<int32_t> ids = {tokenizer.begin_id()}, allowed;
  tokenizer.encode(kPrompts[prompt], ids);
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id)
    if (id == tokenizer.end_id() || tokenizer.n_bytes(id) > 0) allowed.push_back(id);
  RandomStream random(options.seed, fmt::format("generate.{}", prompt));
  std::string text;
  while (static_cast<int64_t>(text.size()) < options.max_bytes) {
    Prefix prefix{ids, {}};
    if (const auto* aunet = std::get_if<AunetConfig>(&config)) {
      prefix.levels = Splitter(aunet->split, aunet->split_mode).levels(ids);
      prefix.levels[0] = 2;
    }
    const Batch batch = pack_prefixes({prefix}, config);
    const at::Tensor logits = model.logits(to_device(batch, at::kCPU))[batch.rows(0) - 1].contiguous();
    const int32_t id = sample({logits.const_data_ptr<float>(), static_cast<size_t>(logits.size(0))}, allowed,
                              options.sampling, random);
    if (id == tokenizer.end_id()) break;
    ids.push_back(id);
    text += tokenizer.text(id);
  }
  return text.substr(0, static_cast<size_t>(options.max_bytes));
}

void check_against_recomputation(const ModelConfig& config, const Tokenizer& tokenizer) {
  const std::shared_ptr<LanguageModel> model = make_model(config, 11);
  for (const Sampling& sampling : {Sampling{.temperature = 0}, Sampling{.top_k = 200, .top_p = 0.99}}) {
    const GenerateOptions options{.max_bytes = 50, .sampling = sampling, .seed = 4};
    const GenerationReport report = generate(*model, config, tokenizer, kPrompts, options);
    REQUIRE(report.prompts.size() == kPrompts.size());
    for (size_t i = 0; i < kPrompts.size(); ++i) {
      INFO("prompt " << i << ", temperature " << sampling.temperature);
      CHECK(report.prompts[i].text == recomputed(*model, config, tokenizer, i, options));
    }
  }
}

/// A bigram model that can generate.
struct Markov : BigramModel {
  using BigramModel::BigramModel;
  struct Rows : Decoder {
    const Markov& model;
    explicit Rows(const Markov& m) : model(m) { rows_stepped_ = {0}; }
    at::Tensor of(const std::vector<int64_t>& ids) const {
      return model.table_.detach().index_select(0, at::tensor(ids));
    }
    at::Tensor prefill(const std::vector<Prefix>& prefixes) override {
      std::vector<int64_t> last;
      for (const Prefix& p : prefixes) last.push_back(p.ids.back());
      return of(last);
    }
    at::Tensor step(const std::vector<NextId>& next) override {
      std::vector<int64_t> ids;
      for (const NextId& n : next) ids.push_back(n.id);
      rows_stepped_[0] += std::ssize(ids);
      return of(ids);
    }
  };
  std::unique_ptr<Decoder> decoder(int64_t) const override { return std::make_unique<Rows>(*this); }
  /// After each id of the cycle comes the next one.
  void follow(const std::vector<int64_t>& ids) {
    at::NoGradGuard no_grad;
    for (size_t i = 0; i + 1 < ids.size(); ++i) table_[ids[i]][ids[i + 1]] = 50;
  }
};

TransformerConfig bytes_config() {
  TransformerConfig c = transformer_config(258);
  c.tokenizer.kind = "bytes";
  return c;
}

}  // namespace

TEST_CASE("AU-Net generates what recomputing the whole text for each byte gives", "[eval][generate]") {
  check_against_recomputation(aunet_config(SplitMode::Causal), *make_byte_tokenizer());
}

TEST_CASE("byte and BPE transformers generate what recomputing gives", "[eval][generate]") {
  check_against_recomputation(bytes_config(), *make_byte_tokenizer());
  const Bpe bpe = Bpe::train({kPrompts[2], kPrompts[3]}, 300, "gpt2");
  TransformerConfig config = transformer_config(302);
  check_against_recomputation(config, bpe);
}

TEST_CASE("a continuation does not depend on the prompts beside it", "[eval][generate]") {
  const ModelConfig config = aunet_config(SplitMode::Causal);
  const std::shared_ptr<LanguageModel> model = make_model(config, 1);
  const auto tokenizer = make_byte_tokenizer();
  const GenerationReport together =
      generate(*model, config, *tokenizer, kPrompts, {.max_bytes = 40, .seed = 9});
  const GenerationReport apart =
      generate(*model, config, *tokenizer, kPrompts, {.max_bytes = 40, .seed = 9, .batch = 2});
  const GenerationReport other = generate(*model, config, *tokenizer, kPrompts, {.max_bytes = 40, .seed = 8});
  for (size_t i = 0; i < kPrompts.size(); ++i) {
    CHECK(together.prompts[i].text == apart.prompts[i].text);
    CHECK(together.prompts[i].text != other.prompts[i].text);
  }
}

TEST_CASE("levels of new bytes are those of the rules; shares of woken rows add up", "[eval][generate]") {
  const auto tokenizer = make_byte_tokenizer();
  for (const SplitMode mode : {SplitMode::Causal, SplitMode::Official}) {
    const AunetConfig aunet = aunet_config(mode);
    const std::shared_ptr<LanguageModel> model = make_model(aunet, 11);
    const GenerationReport report =
        generate(*model, aunet, *tokenizer, {"One two"}, {.max_bytes = 300, .seed = 2});
    LevelStream levels(aunet.split, mode);
    levels.next(kBeginId);
    for (const char c : std::string("One two")) levels.next(static_cast<uint8_t>(c));
    std::vector<int64_t> rows(3);
    std::string text = report.prompts[0].text;
    if (report.prompts[0].stopped == "length") text.pop_back();  // the last byte runs nothing
    for (const char c : text) {
      const int32_t level = levels.next(static_cast<uint8_t>(c));
      for (int32_t k = 0; k <= level; ++k) ++rows[static_cast<size_t>(k)];
    }
    CHECK(report.rows_stepped == rows);
    CHECK(rows[1] > 0);
    CHECK(rows[0] > rows[1]);
  }
}

TEST_CASE("the end mark, a stop string and the length end a continuation", "[eval][generate]") {
  Markov model(258);
  model.follow({256, 'a', 'b', 'c', 'd', 257});
  model.follow({'x', 'y', 'z', 'x'});
  const auto tokenizer = make_byte_tokenizer();
  std::vector<std::string> shown(4);
  int ends = 0;
  GenerateOptions options{.max_bytes = 7, .sampling = {.temperature = 0}, .stops = {"zxyz", "cc"}};
  options.on_text = [&](size_t i, std::string_view text, bool ended) { shown[i] += text, ends += ended; };
  const GenerationReport report = generate(model, bytes_config(), *tokenizer, {"", "b", "d", "xyz"}, options);
  CHECK(report.prompts[0].text == "abcd");
  CHECK(report.prompts[0].stopped == "end");
  CHECK(report.prompts[0].units == 5);
  CHECK(report.prompts[1].text == "cd");
  CHECK(report.prompts[2].text == "");
  CHECK(report.prompts[3].text == "xy");  // xyzxyz: a stop string must lie in the continuation
  CHECK(report.prompts[3].stopped == "stop");
  for (size_t i = 0; i < 4; ++i) CHECK(shown[i] == report.prompts[i].text);
  CHECK(ends == 4);
  const GenerationReport without =
      generate(model, bytes_config(), *tokenizer, {"xyz"}, {.max_bytes = 7, .sampling = {.temperature = 0}});
  CHECK(without.prompts[0].text == "xyzxyzx");
  CHECK(without.prompts[0].stopped == "length");
  CHECK(without.bytes == 7);
  CHECK(without.rows_stepped == std::vector<int64_t>{6});
}

TEST_CASE("a begin mark is never drawn, and a long token is cut at the length", "[eval][generate]") {
  Markov model(258);
  model.follow({'a', 256});
  const GenerationReport report =
      generate(model, bytes_config(), *make_byte_tokenizer(), {"a"}, {.max_bytes = 500});
  CHECK(report.prompts[0].units >= std::ssize(report.prompts[0].text));
  const Bpe bpe = Bpe::train({"abcabcabc"}, 258, "gpt2");  // two merges: "abc" is one token
  Markov tokens(260);
  std::vector<int32_t> ids;
  bpe.encode("abc", ids);
  REQUIRE(ids.size() == 1);
  tokens.follow({258, ids[0], ids[0]});
  const GenerationReport cut =
      generate(tokens, transformer_config(260), bpe, {""}, {.max_bytes = 7, .sampling = {.temperature = 0}});
  CHECK(cut.prompts[0].text == "abcabca");
  CHECK(cut.prompts[0].units == 3);
}
