#include "data/stream.h"

#include "core/error.h"
#include "data/tokenizer.h"

#include "tests/data/fixtures.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>

namespace aunet {
namespace {

bool same(const Window& a, const Window& b) {
  return std::equal(a.spans.begin(), a.spans.end(), b.spans.begin(), b.spans.end(),
                    [](const Span& x, const Span& y) {
                      return x.document == y.document && x.begin == y.begin && x.end == y.end &&
                             x.ends_document == y.ends_document;
                    });
}

Corpus random_corpus(RandomStream& random, int64_t n_documents) {
  std::vector<std::string> texts;
  for (int64_t i = 0; i < n_documents; ++i)
    texts.push_back(random_text(random, 1 + static_cast<int64_t>(random.below(60)), i % 5 == 4));
  return make_corpus(texts);
}

DataConfig context_of(int64_t n_bytes) {
  DataConfig data;
  data.context_bytes = n_bytes;
  return data;
}

}  // namespace

TEST_CASE("windows tile every document exactly once per epoch", "[data]") {
  RandomStream random(3, "tiling");
  for (const int64_t context : {1, 2, 3, 4, 7, 64, 100000}) {
    const auto corpus = random_corpus(random, 23);
    const TrainingStream stream(corpus, context_of(context), 5);
    int64_t index = 0;
    for (int64_t epoch = 0; epoch < 3; ++epoch) {
      std::map<int64_t, int64_t> reached;  // document -> end of what has been seen
      const int64_t n_windows = stream.windows_per_epoch(epoch);
      for (int64_t i = 0; i < n_windows; ++i) {
        const auto window = stream.window(index++);
        REQUIRE(window.text_bytes() > 0);
        REQUIRE(window.text_bytes() <= context);
        for (const auto& span : window.spans) {
          REQUIRE(span.begin == reached[span.document]);
          REQUIRE(span.end > span.begin);
          reached[span.document] = span.end;
          REQUIRE(span.ends_document ==
                  (span.end == static_cast<int64_t>(corpus.text(span.document).size())));
        }
      }
      REQUIRE(reached.size() == static_cast<size_t>(corpus.n_documents()));
      for (const auto& [document, end] : reached)
        REQUIRE(end == static_cast<int64_t>(corpus.text(document).size()));
      CHECK(stream.epochs(index) == Approx(static_cast<double>(epoch + 1)).epsilon(1e-12));
    }
  }
}

TEST_CASE("a window is a pure function of corpus, context, seed and index", "[data]") {
  RandomStream random(4, "pure");
  const auto corpus = random_corpus(random, 40);
  const TrainingStream forward(corpus, context_of(50), 9), jumping(corpus, context_of(50), 9),
      other(corpus, context_of(50), 10);
  const int64_t far = 3 * forward.windows_per_epoch(0) + 5;
  const auto jumped = jumping.window(far);
  bool differs = false;
  for (int64_t i = 0; i <= far; ++i) {
    const auto window = forward.window(i);
    REQUIRE(same(window, jumping.window(i)));
    differs |= !same(window, other.window(i));
  }
  CHECK(same(forward.window(far), jumped));
  CHECK(differs);
}

TEST_CASE("windows are full but for the end of a pass and split characters", "[data]") {
  RandomStream random(5, "full");
  const auto corpus = random_corpus(random, 30);
  const TrainingStream stream(corpus, context_of(64), 1);
  const int64_t n_windows = stream.windows_per_epoch(0);
  for (int64_t i = 0; i + 1 < n_windows; ++i) CHECK(stream.window(i).text_bytes() >= 61);
}

TEST_CASE("the bytes of several sources follow their weights", "[data]") {
  std::vector<std::string> texts;
  std::vector<uint16_t> sources;
  for (int i = 0; i < 90; ++i) {
    texts.push_back(std::string(i % 3 == 0 ? 500 : 100, 'a'));
    sources.push_back(static_cast<uint16_t>(i % 3));
  }
  const auto corpus = make_corpus(texts, sources);
  DataConfig data = context_of(64);
  data.train = {{"a", 1}, {"b", 3}, {"c", 4}};
  const TrainingStream stream(corpus, data, 2);
  std::vector<double> bytes(3, 0);
  for (int64_t i = 0; i < 2000; ++i) {
    const auto window = stream.window(i);
    for (const auto& span : window.spans) {
      REQUIRE(corpus.source(span.document) == corpus.source(window.spans[0].document));
      bytes[corpus.source(span.document)] += static_cast<double>(span.end - span.begin);
    }
    const double total = bytes[0] + bytes[1] + bytes[2];
    CHECK(std::abs(bytes[0] - total / 8) <= 64);
    CHECK(std::abs(bytes[2] - total / 2) <= 64);
  }
}

TEST_CASE("sources without weights share by their sizes: all are read equally often", "[data]") {
  std::vector<std::string> texts;
  std::vector<uint16_t> sources;
  for (int i = 0; i < 90; ++i) {
    texts.push_back(std::string(i % 3 == 0 ? 5000 : 700, 'a'));
    sources.push_back(static_cast<uint16_t>(i % 3));
  }
  const auto corpus = make_corpus(texts, sources);
  for (int64_t s = 0; s < 3; ++s) CHECK(corpus.bytes_of(s) == (s == 0 ? 150000 : 21000));
  DataConfig data = context_of(64);
  data.train = {{"a", 0}, {"b", 0}, {"c", 0}};
  const TrainingStream stream(corpus, data, 2);
  std::vector<double> bytes(3, 0);
  const int64_t n_windows = stream.windows_per_epoch(0) + stream.windows_per_epoch(1);
  for (int64_t i = 0; i < n_windows; ++i) {
    const auto window = stream.window(i);
    bytes[corpus.source(window.spans[0].document)] += static_cast<double>(window.text_bytes());
  }
  for (size_t s = 0; s < 3; ++s)
    CHECK(bytes[s] / static_cast<double>(corpus.bytes_of(static_cast<int64_t>(s))) ==
          Approx(2).margin(64.0 / 21000));
}

TEST_CASE("a window cut before its first character's end keeps that character", "[data]") {
  const auto corpus = make_corpus({"\u4e2d\u6587 text"});
  const auto tokenizer = make_byte_tokenizer();
  TransformerConfig bytes;
  bytes.tokenizer.kind = "bytes";
  const SequenceBuilder builder(bytes, *tokenizer);
  const Window window = TrainingStream(corpus, context_of(64), 0).window(0);
  for (const int64_t cut : {1, 2, 3, 4, 5}) CHECK(builder.training(corpus, window, cut).text_bytes == 3);
  CHECK(builder.training(corpus, window, 6).text_bytes == 6);
}

TEST_CASE("one source has the same share with any weight and with none", "[data]") {
  const auto corpus = make_corpus({"some text", "more"});
  for (const double weight : {0.0, 1.0, 7.5})
    CHECK(source_shares(corpus, {{"a", weight}}) == std::vector<double>{1});
  CHECK_THROWS_AS(source_shares(make_corpus({"a", "b"}, {0, 1}), {{"a", 1}, {"b", 0}}), BugError);
}

TEST_CASE("pieces of a document tile it, at character borders", "[data]") {
  RandomStream random(6, "pieces");
  for (int trial = 0; trial < 50; ++trial) {
    const auto text = random_text(random, 40, false);
    for (const int64_t max_bytes : {4, 5, 17}) {
      int64_t reached = 0;
      for (const auto& piece : cut_document(text, 3, max_bytes)) {
        CHECK(piece.document == 3);
        REQUIRE(piece.begin == reached);
        REQUIRE(piece.end > piece.begin);
        CHECK(piece.end - piece.begin <= max_bytes);
        CHECK((static_cast<uint8_t>(text[piece.begin]) & 0xC0) != 0x80);
        reached = piece.end;
        CHECK(piece.ends_document == (reached == static_cast<int64_t>(text.size())));
      }
      REQUIRE(reached == static_cast<int64_t>(text.size()));
    }
  }
}

}  // namespace aunet
