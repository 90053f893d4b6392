// Any bytes come back from encode and decode, with the four published tokenizers.
#include "baselines/bpe.h"
#include "data/read_corpus.h"
#include "tests/data/fixtures.h"
#include "tests/support/shared_data.h"

#include <catch2/catch.hpp>

namespace aunet {
namespace {

const std::vector<std::pair<std::string, std::string>> kPublished = {
    {"gpt2", "gpt2.tiktoken.zst"},
    {"cl100k_base", "cl100k_base.tiktoken.zst"},
    {"o200k_base", "o200k_base.tiktoken.zst"},
    {"llama3", "llama3/tokenizer.model.zst"}};

/// Prose of several languages and scripts, with hostile stretches between: random bytes, broken UTF-8, runs.
std::string mixed_text(size_t n_bytes) {
  RandomStream random(8, "mixed-text");
  std::string prose;
  for (const char* name : {"en_fiction_valid", "en_reference_valid", "multilingual_valid"}) {
    const auto path = shared_path(fmt::format("corpora/{}.jsonl.zst", name));
    if (path.empty()) return "";
    const Corpus corpus = read_texts({path});
    for (int64_t d = 0; d < corpus.n_documents(); ++d) prose += corpus.text(d);
  }
  std::string text;
  text.reserve(n_bytes + 5000);
  while (text.size() < n_bytes) {
    text += prose.substr(random.below(prose.size()), 1 + random.below(4000));  // cut anywhere
    switch (random.below(5)) {
      case 0:
        for (uint64_t n = random.below(60); n > 0; --n) text += static_cast<char>(random.below(256));
        break;
      case 1:
        text.append(random.below(300), " a\n0\xff!"[random.below(6)]);
        break;
      case 2:
        text += random_text(random, 20, true);
        break;
      default:
        break;
    }
  }
  text.resize(n_bytes);
  return text;
}

/// Documents of a megabyte, so that what is held is small.
void check_round_trip(const std::string& text) {
  for (const auto& [name, file] : kPublished) {
    const auto path = shared_path("tokenizers/" + file);
    if (path.empty()) return;
    const Bpe bpe = Bpe::load(path, name);
    size_t n_wrong = 0;
    for (size_t at = 0; at < text.size(); at += 1'000'000) {
      const std::string_view document = std::string_view(text).substr(at, 1'000'000);
      std::vector<int32_t> ids;
      bpe.encode(document, ids);
      n_wrong += bpe.decode(ids) != document;
    }
    INFO(name);
    CHECK(n_wrong == 0);
  }
}

}  // namespace

TEST_CASE("2 MB of mixed text come back, with each published tokenizer", "[bpe]") {
  check_round_trip(mixed_text(2'000'000));
}

TEST_CASE("100 MB of mixed text come back, with each published tokenizer", "[bpe][slow]") {
  check_round_trip(mixed_text(100'000'000));
}

TEST_CASE("ASCII words are cut as the regex cuts them", "[bpe]") {
  RandomStream random(9, "ascii-words");
  const std::vector<std::string> bits = {" ",  "  ", "a", "B",      "cd", "EF", "'",
                                         "'s", "'S", "é", "\u0301", "1",  "\n", "."};
  for (const std::string& name : bpe_pattern_names()) {
    // a pattern without a name is all regex
    const Pretokenizer fast({name, bpe_pattern(name)}), slow({"", bpe_pattern(name)});
    for (int trial = 0; trial < 3000; ++trial) {
      std::string text;
      for (uint64_t n = random.below(12); n > 0; --n) text += bits[random.below(bits.size())];
      std::vector<std::string> got, expected;
      fast.for_each_piece(text, [&](std::string_view piece) { got.emplace_back(piece); });
      slow.for_each_piece(text, [&](std::string_view piece) { expected.emplace_back(piece); });
      INFO(name << ": " << text);
      REQUIRE(got == expected);
    }
  }
}

}  // namespace aunet
