#include "baselines/bpe.h"

#include "baselines/rank_file.h"
#include "core/error.h"
#include "core/file.h"
#include "core/random.h"
#include "data/batch.h"
#include "data/jsonl.h"
#include "tests/support/shared_data.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <thread>

namespace aunet {
namespace {

std::vector<int32_t> encode(const Bpe& bpe, std::string_view text) {
  std::vector<int32_t> ids;
  bpe.encode(text, ids);
  return ids;
}

std::vector<std::string> tokens_with(const std::vector<std::string>& merged) {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  tokens.insert(tokens.end(), merged.begin(), merged.end());
  return tokens;
}

void check_vectors(const std::string& name, const std::string& rank_file) {
  const auto ranks = shared_path("tokenizers/" + rank_file),
             vectors = shared_path("tokenizers/test_vectors.jsonl");
  if (ranks.empty() || vectors.empty()) return;
  const auto bpe = Bpe::load(ranks, name);
  int64_t n_cases = 0;
  for_each_line(vectors, [&](std::string_view line, int64_t number) {
    const auto item = nlohmann::json::parse(line);
    const auto text = item["text"].get<std::string>();
    INFO(name << ", test vector " << number);
    const auto ids = encode(bpe, text);
    CHECK(ids == item[name].get<std::vector<int32_t>>());
    CHECK(bpe.decode(ids) == text);
    ++n_cases;
  });
  CHECK(n_cases == 517);
}

}  // namespace

TEST_CASE("gpt2 ids equal tiktoken's", "[bpe]") { check_vectors("gpt2", "gpt2.tiktoken.zst"); }
TEST_CASE("cl100k_base ids equal tiktoken's", "[bpe]") {
  check_vectors("cl100k_base", "cl100k_base.tiktoken.zst");
}
TEST_CASE("o200k_base ids equal tiktoken's", "[bpe]") {
  check_vectors("o200k_base", "o200k_base.tiktoken.zst");
}
TEST_CASE("llama3 ids equal tiktoken's", "[bpe]") { check_vectors("llama3", "llama3/tokenizer.model.zst"); }

TEST_CASE("the lowest rank merges first, the leftmost of equals", "[bpe]") {
  const Bpe bpe(tokens_with({"bc", "ab", "aa"}), "gpt2");
  CHECK(encode(bpe, "xabc") == std::vector<int32_t>{'x', 'a', 256});
  CHECK(encode(bpe, "aaax") == std::vector<int32_t>{258, 'a', 'x'});
}

TEST_CASE("a piece that is a token is that token, also when no merge leads to it", "[bpe]") {
  const Bpe bpe(tokens_with({"bc", "abcd"}), "gpt2");
  CHECK(encode(bpe, "abcd") == std::vector<int32_t>{257});
  CHECK(encode(bpe, "xabcd") == std::vector<int32_t>{'x', 'a', 256, 'd'});
}

TEST_CASE("long pieces merge like short ones", "[bpe]") {
  const Bpe bpe(tokens_with({"ab", "ba", "aba", "abab", "babab", "aa"}), "gpt2");
  RandomStream random(1, "long-pieces");
  for (int trial = 0; trial < 100; ++trial) {
    std::string piece;
    for (int i = 0; i < 150; ++i) piece += random.below(3) == 0 ? 'b' : 'a';
    // the plain rule: replace the leftmost pair of the lowest rank until none is left
    auto expected = std::vector<int32_t>(piece.begin(), piece.end());
    for (;;) {
      size_t best = 0;
      int32_t rank = 1 << 30;
      for (size_t i = 0; i + 1 < expected.size(); ++i) {
        const auto joined = bpe.token(expected[i]) + bpe.token(expected[i + 1]);
        for (int32_t id = 256; id < bpe.begin_id(); ++id) {
          if (bpe.token(id) == joined && id < rank) best = i, rank = id;
        }
      }
      if (rank == 1 << 30) break;
      expected[best] = rank;
      expected.erase(expected.begin() + static_cast<int64_t>(best) + 1);
    }
    REQUIRE(encode(bpe, piece) == expected);
  }
}

TEST_CASE("random bytes come back, whatever they are", "[bpe]") {
  const Bpe bpe(tokens_with({" t", "he", "\xe2\x82", "\xe2\x82\xac"}), "o200k_base");
  RandomStream random(2, "round-trip");
  for (int trial = 0; trial < 500; ++trial) {
    std::string text;
    for (uint64_t n = random.below(100); text.size() < n;)
      text += random.below(4) == 0 ? " the€" : std::string(1, static_cast<char>(random.below(256)));
    REQUIRE(bpe.decode(encode(bpe, text)) == text);
  }
}

TEST_CASE("encoding in several threads gives what one thread gives", "[bpe]") {
  const Bpe first(tokens_with({"th", "the", " the"}), "gpt2"), second(tokens_with({"he", " t"}), "gpt2");
  std::string text;
  for (int i = 0; i < 2000; ++i) text += " the other thing " + std::to_string(i % 37);
  const auto expected_first = encode(first, text), expected_second = encode(second, text);
  std::vector<int> failures(4, 0);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i)
        failures[t] += encode(first, text) != expected_first || encode(second, text) != expected_second;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(failures == std::vector<int>(4, 0));
}

TEST_CASE("pieces too long for recursion are encoded", "[bpe]") {
  const Bpe bpe(tokens_with({"aa", "aaaa"}), "llama3");
  for (const char* unit : {"a", " ", "\n", "!", "中"}) {
    std::string text;
    while (text.size() < 300'000) text += unit;
    CHECK(bpe.decode(encode(bpe, text)) == text);
  }
}

TEST_CASE("marks come after the tokens and stand for no bytes", "[bpe]") {
  const Bpe bpe(tokens_with({"ab"}), "gpt2");
  CHECK(bpe.begin_id() == 257);
  CHECK(bpe.end_id() == 258);
  CHECK(bpe.vocab_size() == 259);
  CHECK(bpe.n_bytes(256) == 2);
  CHECK(bpe.n_bytes(257) == 0);
  CHECK(bpe.decode({257, 256, 258}) == "ab");
  CHECK_THROWS_WITH(bpe.decode({259}), "id: expected 0 to 258, got 259");
}

TEST_CASE("a saved tokenizer loads as itself", "[bpe]") {
  const ScratchFolder folder;
  const Bpe bpe(tokens_with({" t", std::string("\xff\x00\x01", 3)}), "gpt2");
  bpe.save(folder.file("t"));
  const auto loaded = Bpe::load(folder.file("t"), "gpt2");
  CHECK(loaded.fingerprint() == bpe.fingerprint());
  CHECK(loaded.vocab_size() == bpe.vocab_size());
  CHECK(Bpe::load(folder.file("t"), "llama3").fingerprint() != bpe.fingerprint());
}

TEST_CASE("base64 gives the vectors of RFC 4648", "[bpe]") {
  const std::vector<std::pair<std::string, std::string>> vectors = {{"", ""},
                                                                    {"f", "Zg=="},
                                                                    {"fo", "Zm8="},
                                                                    {"foo", "Zm9v"},
                                                                    {"foob", "Zm9vYg=="},
                                                                    {"fooba", "Zm9vYmE="},
                                                                    {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    CHECK(base64_encode(bytes) == text);
    std::string decoded;
    CHECK(base64_decode(text, decoded));
    CHECK(decoded == bytes);
  }
  std::string unused;
  for (const char* bad : {"Zg", "Z===", "Zg=a", "Z!==", "===="}) CHECK_FALSE(base64_decode(bad, unused));
}

TEST_CASE("a broken rank file is an error that names file and line", "[bpe]") {
  const ScratchFolder folder;
  const auto failure = [&](const std::string& content) -> std::string {
    write_file_atomic(folder.file("r"), content);
    try {
      Bpe::load(folder.file("r"), "gpt2");
    } catch (const Error& e) {
      return std::string(e.what()).substr(folder.file("").size());
    }
    return "no error";
  };
  CHECK(failure("IQ== 0\nnonsense\n") == "r:2: expected 'base64(token) rank'");
  CHECK(failure("IQ== zero\n") == "r:1: rank: expected a whole number up to 10000000, got 'zero'");
  CHECK(failure("IQ== 99999999999999\n") ==
        "r:1: rank: expected a whole number up to 10000000, got '99999999999999'");
  CHECK(failure("IQ== 0\nIg== 0\n") == "r:2: rank 0 occurs twice");
  CHECK(failure("IQ== 0\nIQ== 1\n") == "r: tokenizer: token 1 occurs twice");
  CHECK(failure("IQ== 0\n") == "r: tokenizer: expected a token for every byte, got none for 0x00");
  CHECK_THROWS_WITH(
      Bpe::load(folder.file("r"), "gpt-2"),
      "pattern: expected one of gpt2, cl100k_base, o200k_base, llama3, got 'gpt-2'; did you mean 'gpt2'?");
}

}  // namespace aunet
