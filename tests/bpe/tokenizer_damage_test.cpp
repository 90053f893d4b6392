// Files that are cut short or have bytes changed: a tokenizer that works, or one clear error.
#include "baselines/bpe.h"
#include "baselines/rank_file.h"
#include "baselines/tokenizer_file.h"
#include "baselines/tokenizer_json.h"
#include "core/error.h"
#include "tests/data/fixtures.h"

#include <catch2/catch.hpp>

namespace aunet {
namespace {

/// True when the content is a tokenizer; then it gives a text back. BugErrors and all else go on.
bool is_tokenizer(const std::string& content) {
  try {
    const Bpe bpe(parse_tokenizer(content, "file", ""));
    std::vector<int32_t> ids;
    const std::string text = "the cat \xff sat";
    bpe.encode(text, ids);
    CHECK(bpe.decode(ids) == text);
    return true;
  } catch (const ConfigError& e) {
    CHECK(std::string(e.what()).find('\n') == std::string::npos);
  } catch (const Error& e) {
    CHECK(std::string(e.what()).find('\n') == std::string::npos);
  }
  return false;
}

BpeParts small() {
  const Bpe bpe = Bpe::train({"the cat sat on the mat, the rat sat on the hat"}, 266, "gpt2");
  BpeParts parts;
  for (int32_t id = 0; id < bpe.begin_id(); ++id) parts.tokens.push_back(bpe.token(id));
  parts.texts = {{300, "<|end|>"}};
  parts.pattern = {"gpt2", bpe_pattern("gpt2")};
  return parts;
}

}  // namespace

TEST_CASE("every beginning of a tokenizer file is a tokenizer or an error", "[bpe]") {
  for (const std::string& content : {rank_file_text(small().tokens), tokenizer_json_text(small())}) {
    REQUIRE(is_tokenizer(content));
    for (size_t n = 0; n < content.size(); ++n) is_tokenizer(content.substr(0, n));
  }
  CHECK_FALSE(is_tokenizer(""));
}

TEST_CASE("a tokenizer file with changed bytes is a tokenizer or an error", "[bpe]") {
  RandomStream random(7, "tokenizer-damage");
  for (const std::string& content : {rank_file_text(small().tokens), tokenizer_json_text(small())}) {
    int n_tokenizers = 0;
    for (int trial = 0; trial < 1500; ++trial) {
      std::string damaged = content;
      for (uint64_t n = 1 + random.below(3); n > 0; --n) {
        const auto at = random.below(damaged.size());
        if (random.below(3) == 0) {
          damaged.erase(at, 1 + random.below(20));
        } else {
          damaged[at] =
              random.below(2) ? static_cast<char>(random.below(256)) : "\"{}[],:0 9"[random.below(10)];
        }
      }
      n_tokenizers += is_tokenizer(damaged);
    }
    CHECK(n_tokenizers < 1500);
  }
}

}  // namespace aunet
