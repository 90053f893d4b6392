#include "data/loader.h"

#include "core/error.h"

#include "tests/data/fixtures.h"

#include <catch2/catch.hpp>

namespace aunet {
namespace {

struct Setup {
  Setup() {
    RandomStream random(11, "loader");
    std::vector<std::string> texts;
    for (int i = 0; i < 30; ++i) texts.push_back(random_text(random, 60, false));
    corpus = make_corpus(texts);
    run.model = word_model(3);
    run.data.context_bytes = 64;
    run.horizon = {.windows = 23, .batch_windows = 5, .last_window_bytes = 9, .accumulation = 2};
    run.seeds.data = 4;
  }
  Corpus corpus;
  RunConfig run;
  std::unique_ptr<Tokenizer> tokenizer = make_byte_tokenizer();
};

bool same(const Batch& a, const Batch& b) {
  bool equal = a.inputs == b.inputs && a.targets == b.targets && a.input_levels == b.input_levels &&
               a.target_levels == b.target_levels && a.cu_rows == b.cu_rows && a.text_bytes == b.text_bytes;
  for (size_t k = 0; k < a.transitions.size(); ++k)
    equal = equal && a.transitions[k].kept == b.transitions[k].kept;
  return equal;
}

struct ThrowingTokenizer : Tokenizer {
  void encode(std::string_view, std::vector<int32_t>&) const override { throw Error("no ids today"); }
  std::string text(int32_t) const override { return "x"; }
  int64_t n_bytes(int32_t) const override { return 1; }
  int32_t begin_id() const override { return kBeginId; }
  int32_t end_id() const override { return kBeginId + 1; }
  int64_t vocab_size() const override { return 258; }
};

}  // namespace

TEST_CASE("the loader gives the windows of each step in micro-batches, and then nothing", "[data]") {
  const Setup s;
  Loader loader(s.corpus, s.run, *s.tokenizer);
  const TrainingStream stream(s.corpus, s.run.data, s.run.seeds.data);
  const SequenceBuilder builder(s.run.model, *s.tokenizer);
  int64_t window = 0;
  for (int64_t step = 0; step < 5; ++step) {
    const auto batches = loader.next();
    // 5 windows in two micro-batches: 3 + 2; the last step has 3 windows, so its second micro-batch is empty
    REQUIRE(batches.size() == (step < 4 ? 2u : 1u));
    for (const auto& batch : batches) {
      CHECK(batch.n_sequences == (&batch == &batches[0] ? 3 : 2));
      std::vector<Sequence> sequences;
      for (int64_t i = 0; i < batch.n_sequences; ++i, ++window) {
        sequences.push_back(builder.training(s.corpus, stream.window(window), window == 22 ? 9 : 0));
      }
      CHECK(same(batch, pack(sequences, s.run.model)));
    }
  }
  CHECK(window == 23);
  CHECK(loader.next().empty());
  CHECK(loader.next().empty());
}

TEST_CASE("a loader that starts at a step gives what one from the start gives there", "[data]") {
  const Setup s;
  for (int64_t first = 0; first <= 5; ++first) {
    Loader whole(s.corpus, s.run, *s.tokenizer), late(s.corpus, s.run, *s.tokenizer, first);
    for (int64_t step = 0; step < first; ++step) whole.next();
    for (int64_t step = first; step <= 5; ++step) {
      const auto a = whole.next(), b = late.next();
      REQUIRE(a.size() == b.size());
      for (size_t i = 0; i < a.size(); ++i) CHECK(same(a[i], b[i]));
    }
  }
}

TEST_CASE("a loader can be dropped at any time", "[data]") {
  const Setup s;
  for (int n_taken = 0; n_taken < 4; ++n_taken) {
    Loader loader(s.corpus, s.run, *s.tokenizer);
    for (int i = 0; i < n_taken; ++i) loader.next();
  }
  SUCCEED();
}

TEST_CASE("an error in the worker reaches the caller", "[data]") {
  const Setup s;
  const ThrowingTokenizer tokenizer;
  Loader loader(s.corpus, s.run, tokenizer);
  CHECK_THROWS_WITH(loader.next(), "no ids today");
}

}  // namespace aunet
