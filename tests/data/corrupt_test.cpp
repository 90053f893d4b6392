#include "data/corrupt.h"

#include "data/utf8.h"
#include "tests/data/fixtures.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace aunet;

namespace {

EvalConfig typos(double rate, uint64_t seed = 0) {
  EvalConfig eval;
  eval.name = "typos";
  eval.corrupt = "typos";
  eval.rate = rate;
  eval.seed = seed;
  return eval;
}

EvalConfig kind(const std::string& corrupt) {
  EvalConfig eval;
  eval.corrupt = corrupt;
  return eval;
}

/// Everything that typos may not touch.
std::string without_letters(std::string text) {
  std::erase_if(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
  return text;
}

}  // namespace

TEST_CASE("typos depend on text, rate, seed and document alone", "[data]") {
  const std::string text(400, 'a');
  CHECK(corrupt_text(text, typos(0.2), 3) == corrupt_text(text, typos(0.2), 3));
  CHECK(corrupt_text(text, typos(0.2), 3) != corrupt_text(text, typos(0.2), 4));
  CHECK(corrupt_text(text, typos(0.2), 3) != corrupt_text(text, typos(0.2, 1), 3));
  const Corpus both = make_corpus({"an earlier document", text}), alone = make_corpus({"x", text});
  CHECK(corrupted(both, typos(0.2)).text(1) == corrupted(alone, typos(0.2)).text(1));
}

TEST_CASE("typos hit the given share of the letters, and only letters", "[data]") {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += i % 5 == 4 ? " " : std::string(1, static_cast<char>('a' + i % 26));
  for (const double rate : {0.01, 0.05, 0.3}) {
    int64_t n_hit = 0;
    const std::string out = corrupt_text(text, typos(rate), 0, &n_hit);
    // 16000 letters; a swap spares the next one: the share falls by at most a quarter of the rate
    const double share = static_cast<double>(n_hit) / 16000;
    CHECK(share < rate + 4 * std::sqrt(rate / 16000));
    CHECK(share > rate * (1 - rate / 4) - 4 * std::sqrt(rate / 16000));
    CHECK(without_letters(out) == without_letters(text));
    CHECK(out != text);
  }
}

TEST_CASE("a corrupted text is valid UTF-8 when it was", "[data]") {
  RandomStream random(5, "corrupt");
  for (int i = 0; i < 200; ++i) {
    const std::string text = random_text(random, 60, false);
    for (const char* corrupt : {"none", "typos", "no_spaces", "lowercase", "uppercase"}) {
      EvalConfig eval = kind(corrupt);
      eval.rate = 0.5;
      CHECK(find_invalid_utf8(corrupt_text(text, eval, i)) == std::string_view::npos);
    }
  }
}

TEST_CASE("the other corruptions do what they say and nothing else", "[data]") {
  const std::string text = "It\u2019s \u00c9tude, no.\u00a07\tIN\n C";
  CHECK(corrupt_text(text, kind("none"), 0) == text);
  CHECK(corrupt_text(text, kind("no_spaces"), 0) == "It\u2019s\u00c9tude,no.\u00a07\tIN\nC");
  CHECK(corrupt_text(text, kind("lowercase"), 0) == "it\u2019s \u00c9tude, no.\u00a07\tin\n c");
  CHECK(corrupt_text(text, kind("uppercase"), 0) == "IT\u2019S \u00c9TUDE, NO.\u00a07\tIN\n C");
}

TEST_CASE("documents keep their index, also one that loses all its bytes", "[data]") {
  const Corpus out = corrupted(make_corpus({"a b", "  ", "c"}), kind("no_spaces"));
  REQUIRE(out.n_documents() == 3);
  CHECK(out.text(0) == "ab");
  CHECK(out.text(1).empty());
  CHECK(out.text(2) == "c");
}
