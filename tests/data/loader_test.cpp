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
    const auto batches = loader.next().micro;
    // 5 windows in two micro-batches: 3 + 2; the last step has 3 windows, so its second micro-batch is empty
    REQUIRE(batches.size() == (step < 4 ? 2u : 1u));
    for (const auto& batch : batches) {
      CHECK(batch.n_sequences == (&batch == &batches[0] ? 3 : 2));
      std::vector<Sequence> sequences;
      for (int64_t i = 0; i < batch.n_sequences; ++i, ++window) {
        sequences.push_back(builder.training(s.corpus, stream.window(window), window == 22 ? 9 : 0));
      }
      CHECK(batch == pack(sequences, s.run.model));
    }
  }
  CHECK(window == 23);
  CHECK(loader.next().micro.empty());
  CHECK(loader.next().micro.empty());
}

TEST_CASE("a loader that starts at a step gives what one from the start gives there", "[data]") {
  const Setup s;
  for (int64_t first = 0; first <= 5; ++first) {
    Loader whole(s.corpus, s.run, *s.tokenizer), late(s.corpus, s.run, *s.tokenizer, {.first_step = first});
    for (int64_t step = 0; step < first; ++step) whole.next();
    for (int64_t step = first; step <= 5; ++step) {
      const auto a = whole.next().micro, b = late.next().micro;
      REQUIRE(a.size() == b.size());
      for (size_t i = 0; i < a.size(); ++i) CHECK(a[i] == b[i]);
    }
  }
}

TEST_CASE("the batches of a loader do not depend on its workers, from any step on", "[data]") {
  Setup s;
  s.run.horizon = {.windows = 2014, .batch_windows = 2, .last_window_bytes = 0, .accumulation = 1};
  for (const int64_t first : {0, 7, 1006}) {
    Loader one(s.corpus, s.run, *s.tokenizer, {.first_step = first});
    Loader four(s.corpus, s.run, *s.tokenizer, {.first_step = first, .workers = 4});
    for (int64_t step = first; step < 1007; ++step) {
      const auto a = one.next(), b = four.next();
      REQUIRE(a.micro.size() == 1);
      REQUIRE(b.micro.size() == 1);
      REQUIRE(a.micro[0] == b.micro[0]);
      REQUIRE(a.rows == b.rows);
    }
    CHECK(four.next().micro.empty());
  }
}

TEST_CASE("ranks share out one global batch and know its counts", "[data]") {
  Setup s;
  std::get<AunetConfig>(s.run.model).lambda_units = {0, 0.1, 0.1};
  for (const int64_t n_ranks : {2, 3, 8}) {
    Loader whole(s.corpus, s.run, *s.tokenizer);
    std::vector<std::unique_ptr<Loader>> ranks;
    for (int64_t r = 0; r < n_ranks; ++r)
      ranks.push_back(std::make_unique<Loader>(s.corpus, s.run, *s.tokenizer,
                                               LoaderOptions{.rank = r, .n_ranks = n_ranks}));
    for (int step = 0; step < 5; ++step) {
      const StepBatches all = whole.next();
      std::vector<int32_t> inputs, shared;
      for (const Batch& batch : all.micro)
        inputs.insert(inputs.end(), batch.inputs.begin(), batch.inputs.end());
      std::vector<StepBatches> parts;
      for (auto& rank : ranks) parts.push_back(rank->next());
      for (size_t m = 0; m < all.micro.size(); ++m) {
        for (const StepBatches& part : parts) {
          if (m < part.micro.size())
            shared.insert(shared.end(), part.micro[m].inputs.begin(), part.micro[m].inputs.end());
        }
      }
      CHECK(shared.size() == inputs.size());
      if (n_ranks <= 3) CHECK(shared == inputs);  // with more ranks some have no part of the last micro-batch
      for (const StepBatches& part : parts) {
        CHECK(part.counts == all.counts);
        CHECK(part.text_bytes == all.text_bytes);
        CHECK(part.rows == all.rows);
      }
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
