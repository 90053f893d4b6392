#include "eval/bits_per_byte.h"

#include "baselines/bpe.h"
#include "data/tokenizer.h"
#include "tests/support/bigram_model.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cmath>
#include <numbers>

using namespace aunet;

namespace {

const std::vector<std::string> kTexts = {
    "Call me Ishmael.", "x",
    "na\xc3\xafve caf\xc3\xa9 \xe2\x80\x9cquoted\xe2\x80\x9d, twice over and over again",
    "It was the best of times, it was the worst of times, it was the age of wisdom\n\nit was the age of "
    "foolishness"};

TransformerConfig bytes_config() {
  TransformerConfig config;
  config.vocab_size = 258;
  config.tokenizer.kind = "bytes";
  return config;
}

CorpusScore score(LanguageModel& model, const ModelConfig& config, const Tokenizer& tokenizer,
                  const Corpus& corpus, const ScoringOptions& options) {
  const SequenceBuilder builder(config, tokenizer);
  auto result = score_corpus(model, config, builder, corpus, at::kCPU, options);
  REQUIRE(result);
  return *result;
}

/// The definition as a loop over bytes, in double: pieces of at most `longest` bytes that end where a code
/// point does.
double expected_nats(const std::string& text, const at::Tensor& table, size_t longest) {
  const at::Tensor log_p = table.detach().to(at::kDouble).log_softmax(1);
  double nats = 0;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.size(), begin + longest);
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    int64_t previous = 256;
    for (size_t i = begin; i < end; ++i) {
      const int64_t byte = static_cast<unsigned char>(text[i]);
      nats -= log_p[previous][byte].item<double>();
      previous = byte;
    }
    begin = end;
  }
  return nats;
}

}  // namespace

TEST_CASE("a model that knows nothing scores log2(258) bits per byte", "[eval]") {
  BigramModel model(258);
  const auto tokenizer = make_byte_tokenizer();
  const CorpusScore result =
      score(model, bytes_config(), *tokenizer, Corpus::of(kTexts), {.context_bytes = 16});
  CHECK(result.loss_bpb() == Approx(std::log2(258.0)).epsilon(1e-6));
  CHECK(result.loss_nats() == Approx(std::log(258.0)).epsilon(1e-6));
}

TEST_CASE("bits per byte is the definition worked out byte by byte", "[eval]") {
  BigramModel model(258);
  model.randomize(1);
  const auto tokenizer = make_byte_tokenizer();
  for (const int64_t context : {5, 16, 17, 1000}) {
    const CorpusScore result =
        score(model, bytes_config(), *tokenizer, Corpus::of(kTexts), {.context_bytes = context});
    REQUIRE(result.documents.size() == kTexts.size());
    double total = 0;
    int64_t bytes = 0;
    for (size_t d = 0; d < kTexts.size(); ++d) {
      const double nats = expected_nats(kTexts[d], model.table(), context);
      CAPTURE(context, d);
      CHECK(result.documents[d].nats == Approx(nats).epsilon(1e-5));
      CHECK(result.documents[d].text_bytes == static_cast<int64_t>(kTexts[d].size()));
      total += nats;
      bytes += static_cast<int64_t>(kTexts[d].size());
    }
    CHECK(result.text_bytes == bytes);
    CHECK(result.units == bytes);
    CHECK(result.loss_bpb() == Approx(total / std::numbers::ln2 / static_cast<double>(bytes)).epsilon(1e-5));
  }
}

TEST_CASE("the score does not depend on how pieces are batched", "[eval]") {
  BigramModel model(258);
  model.randomize(2);
  const auto tokenizer = make_byte_tokenizer();
  const Corpus corpus = Corpus::of(kTexts);
  const CorpusScore whole =
      score(model, bytes_config(), *tokenizer, corpus, {.context_bytes = 9, .max_rows = 100000});
  for (const int64_t max_rows : {1, 10, 50}) {
    const CorpusScore parts =
        score(model, bytes_config(), *tokenizer, corpus, {.context_bytes = 9, .max_rows = max_rows});
    for (size_t d = 0; d < kTexts.size(); ++d) {
      CHECK(parts.documents[d].nats == Approx(whole.documents[d].nats).epsilon(1e-7));
    }
  }
}

TEST_CASE("a BPE model's bits are divided by bytes, not tokens", "[eval]") {
  const Corpus corpus = Corpus::of(kTexts);
  std::vector<std::string_view> texts;
  for (int64_t d = 0; d < corpus.n_documents(); ++d) texts.push_back(corpus.text(d));
  const Bpe tokenizer = Bpe::train(texts, 280, "gpt2");
  TransformerConfig config;
  config.vocab_size = 282;
  BigramModel model(282);
  const CorpusScore result = score(model, config, tokenizer, corpus, {.context_bytes = 1000});
  std::vector<int32_t> ids;
  for (const auto text : texts) tokenizer.encode(text, ids);
  REQUIRE(ids.size() < static_cast<size_t>(corpus.n_bytes()));
  CHECK(result.units == static_cast<int64_t>(ids.size()));
  CHECK(result.text_bytes == static_cast<int64_t>(static_cast<size_t>(corpus.n_bytes())));
  const double bits = static_cast<double>(ids.size()) * std::log2(282.0);
  CHECK(result.loss_bpb() ==
        Approx(bits / static_cast<double>(static_cast<size_t>(corpus.n_bytes()))).epsilon(1e-6));
}

TEST_CASE("scoring stops when asked, and can be limited to the first documents", "[eval]") {
  BigramModel model(258);
  const auto tokenizer = make_byte_tokenizer();
  const ModelConfig config = bytes_config();
  const SequenceBuilder builder(config, *tokenizer);
  const Corpus corpus = Corpus::of(kTexts);
  CHECK_FALSE(score_corpus(model, config, builder, corpus, at::kCPU, {.stop = [] { return true; }}));
  const auto limited = score_corpus(model, config, builder, corpus, at::kCPU, {.limit_documents = 2});
  REQUIRE(limited);
  CHECK(limited->text_bytes == static_cast<int64_t>(kTexts[0].size() + kTexts[1].size()));
}

TEST_CASE("the per-document file adds up to the score", "[eval]") {
  BigramModel model(258);
  model.randomize(3);
  const auto tokenizer = make_byte_tokenizer();
  const CorpusScore result = score(model, bytes_config(), *tokenizer, Corpus::of(kTexts), {});
  double nats = 0;
  std::istringstream lines(to_jsonl(result));
  for (std::string line; std::getline(lines, line);)
    nats += nlohmann::json::parse(line).at("nats").get<double>();
  CHECK(nats == result.nats);
}
