#include "baselines/bpe.h"
#include "core/error.h"
#include "data/batch.h"
#include "tests/data/fixtures.h"

#include <catch2/catch.hpp>

#include <map>

namespace aunet {
namespace {

std::vector<int32_t> encode(const Bpe& bpe, std::string_view text) {
  std::vector<int32_t> ids;
  bpe.encode(text, ids);
  return ids;
}

}  // namespace

TEST_CASE("a training example that can be checked by hand", "[bpe]") {
  // pieces: "low" x1, " low" x2, " lower" x1, " new" x2, " wide" x1
  // pairs:  lo 4, ow 4, " l" 3, "ew" 2, ... : lo and ow tie, and (l, o) < (o, w) by id -> 256 = lo
  // then    lo+w 4 -> 257 = low; " "+low 3 -> 258 = " low"
  // then    (' ', n), (n, e), (e, w) have 2; ' ' is the smallest id -> 259 = " n"; then (e, w): 'e' < 259 ->
  // 260 = ew
  const auto bpe = Bpe::train({"low low low lower new new wide"}, 261, "gpt2");
  CHECK(bpe.token(256) == "lo");
  CHECK(bpe.token(257) == "low");
  CHECK(bpe.token(258) == " low");
  CHECK(bpe.token(259) == " n");
  CHECK(bpe.token(260) == "ew");
  CHECK(encode(bpe, "low lower new") == std::vector<int32_t>{257, 258, 'e', 'r', 259, 260});
}

TEST_CASE("merges equal those of counting all pairs anew after each merge", "[bpe]") {
  RandomStream random(3, "train");
  std::string text;
  for (int i = 0; i < 3000; ++i)
    text += random.below(6) == 0 ? " " : std::string(1, static_cast<char>('a' + random.below(4)));
  const auto bpe = Bpe::train({text}, 256 + 60, "gpt2");

  std::map<std::string, int64_t> pieces;
  const Regex pattern(bpe_pattern("gpt2"), "gpt2");
  for (RegexMatcher match(pattern, text); match.next();)
    ++pieces[text.substr(match.begin(), match.end() - match.begin())];
  std::vector<std::pair<std::vector<int32_t>, int64_t>> words;
  for (const auto& [piece, count] : pieces) words.push_back({to_ids(piece), count});
  for (int32_t id = 256; id < 256 + 60; ++id) {
    std::map<std::pair<int32_t, int32_t>, int64_t> counts;
    for (const auto& [parts, count] : words) {
      for (size_t i = 0; i + 1 < parts.size(); ++i) counts[{parts[i], parts[i + 1]}] += count;
    }
    auto best = counts.begin();
    for (auto it = counts.begin(); it != counts.end(); ++it) {
      if (it->second > best->second) best = it;
    }
    REQUIRE(bpe.token(id) == bpe.token(best->first.first) + bpe.token(best->first.second));
    for (auto& [parts, count] : words) {
      for (size_t i = 0; i + 1 < parts.size(); ++i) {
        if (parts[i] == best->first.first && parts[i + 1] == best->first.second) {
          parts[i] = id;
          parts.erase(parts.begin() + static_cast<int64_t>(i) + 1);
        }
      }
    }
  }
}

TEST_CASE("training does not depend on how the text is cut into documents' order", "[bpe]") {
  const std::vector<std::string_view> texts = {"the cat sat on the mat", "a cat and a hat, at that",
                                               "über größe größer"};
  const auto forward = Bpe::train({texts[0], texts[1], texts[2]}, 280, "gpt2");
  const auto backward = Bpe::train({texts[2], texts[0], texts[1]}, 280, "gpt2");
  CHECK(forward.fingerprint() == backward.fingerprint());
}

TEST_CASE("training gives the same merges with any number of threads", "[bpe]") {
  RandomStream random(10, "threads");
  std::vector<std::string> documents;
  for (int i = 0; i < 40; ++i) documents.push_back(random_text(random, 300, true));
  const std::vector<std::string_view> texts(documents.begin(), documents.end());
  const std::string expected = Bpe::train(texts, 330, "llama3").fingerprint();
  for (const int threads : {2, 3, 50}) {
    CHECK(Bpe::train(texts, 330, "llama3", {.threads = threads}).fingerprint() == expected);
  }
}

TEST_CASE("GPT-2's order of bytes decides ties as Hugging Face's trainer does", "[bpe]") {
  // tokenizers 0.23.3: BpeTrainer(vocab_size=268, initial_alphabet=ByteLevel.alphabet()) on these two texts
  const std::vector<std::string_view> texts = {"to be, or not to be\n\n",
                                               "a\tb \u00e9\u00e9 x-x, a\tb zz\u00e9 or\n\n so\u00e9"};
  const auto bpe = Bpe::train(texts, 268, "gpt2", {.gpt2_byte_order = true});
  const std::vector<std::string> expected = {"\xc3\xa9", "be", "or",        "to",         "\n\n", " be",
                                             " or",      "no", "o\xc3\xa9", "so\xc3\xa9", "zz",   " a"};
  for (size_t i = 0; i < expected.size(); ++i) CHECK(bpe.token(256 + static_cast<int32_t>(i)) == expected[i]);
  CHECK(bpe.token(0) == "!");
  CHECK(Bpe::train(texts, 268, "gpt2").fingerprint() != bpe.fingerprint());
}

TEST_CASE("a trained tokenizer gives random bytes back", "[bpe]") {
  RandomStream random(4, "trained-round-trip");
  const auto bpe = Bpe::train({random_text(random, 5000, true)}, 300, "cl100k_base");
  for (int trial = 0; trial < 300; ++trial) {
    const auto text = random_text(random, static_cast<int64_t>(random.below(30)), true);
    REQUIRE(bpe.decode(encode(bpe, text)) == text);
  }
}

TEST_CASE("a vocabulary that the texts cannot fill is refused", "[bpe]") {
  CHECK_THROWS_WITH(Bpe::train({"aaaa"}, 300, "gpt2"),
                    "vocab: expected at most 258, which uses up the pairs of the training texts, got 300");
  CHECK_THROWS_WITH(Bpe::train({"aaaa"}, 255, "gpt2"), "vocab: expected at least 256 (the bytes), got 255");
}

TEST_CASE("bytes and BPE sequences of a window hold the same text", "[bpe]") {
  RandomStream random(5, "same-text");
  std::vector<std::string> texts;
  for (int i = 0; i < 25; ++i) texts.push_back(random_text(random, 40, false));
  const auto corpus = make_corpus(texts);
  const auto bpe = Bpe::train(std::vector<std::string_view>(texts.begin(), texts.end()), 300, "gpt2");
  const auto bytes = make_byte_tokenizer();
  TransformerConfig transformer;
  transformer.vocab_size = bpe.vocab_size();
  const SequenceBuilder byte_builder(word_model(3), *bytes), bpe_builder(transformer, bpe);
  DataConfig data;
  data.context_bytes = 50;
  const TrainingStream stream(corpus, data, 1);
  for (int64_t i = 0; i < 3 * stream.windows_per_epoch(0); ++i) {
    for (const int64_t cut : {0, 13}) {
      const auto a = byte_builder.training(corpus, stream.window(i), cut),
                 b = bpe_builder.training(corpus, stream.window(i), cut);
      REQUIRE(a.text_bytes == b.text_bytes);
      std::string from_bytes;
      for (const int32_t id : a.targets) from_bytes += id < 256 ? std::string(1, static_cast<char>(id)) : "";
      REQUIRE(bpe.decode(b.targets) == from_bytes);
      REQUIRE(b.inputs[0] == bpe.begin_id());
    }
  }
}

}  // namespace aunet
