// Token ends as boundaries: the official ones against encode(), the causal ones against maximal munch by
// brute force over what may follow.
#include "baselines/bpe_rule.h"

#include "core/error.h"
#include "core/file.h"
#include "core/random.h"
#include "data/leak.h"
#include "data/level_stream.h"
#include "data/split_rules.h"
#include "tests/core/temporary_folder.h"
#include "tests/data/fixtures.h"

#include <catch2/catch.hpp>

#include <set>

namespace aunet {
namespace {

std::vector<std::string> tokens_with(const std::vector<std::string>& merged) {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  tokens.insert(tokens.end(), merged.begin(), merged.end());
  return tokens;
}

/// Ends (offsets of last bytes) of the longest tokens from left to right. `text` may end inside a token: what
/// is left at its end has no end here unless it is a whole token.
std::set<size_t> munched(const std::vector<std::string>& tokens, const std::string& text) {
  std::set<size_t> ends;
  for (size_t begin = 0; begin < text.size();) {
    size_t longest = 0;
    for (const auto& token : tokens) {
      if (token.size() > longest && text.compare(begin, token.size(), token) == 0) longest = token.size();
    }
    ends.insert(begin + longest - 1);
    begin += longest;
  }
  return ends;
}

/// The ends inside `prefix` that every continuation over `alphabet` of up to `depth` bytes leaves.
std::set<size_t> certain(const std::vector<std::string>& tokens, const std::string& prefix,
                         const std::string& alphabet, int depth) {
  std::set<size_t> all = munched(tokens, prefix);
  if (depth == 0) return all;
  for (const char c : alphabet) {
    const auto further = certain(tokens, prefix + c, alphabet, depth - 1);
    std::erase_if(all, [&](size_t end) { return !further.contains(end); });
  }
  return all;
}

const std::string kProse =
    "The cat sat on the mat, and the other cat sat on the other mat; then the rat that the cat hated ate the "
    "hat. It was 12 o'clock on the 31st. \n\n  \"Then that is that,\" said the cat.";

}  // namespace

TEST_CASE("causal token ends are where maximal munch is certain", "[bpe][split]") {
  const auto tokens = tokens_with({"ab", "abca", "bc", "aa", "aaa", "cab"});
  const std::string alphabet = "abcx";  // x: any byte that is only its own token
  RandomStream random(1, "munch");
  BpeRule rule(tokens);
  for (int trial = 0; trial < 150; ++trial) {
    std::string text;
    for (int i = 0; i < 9; ++i) text += alphabet[random.below(3 + (trial % 2))];
    rule.start();
    std::set<size_t> before;
    for (size_t t = 0; t < text.size(); ++t) {
      // an end depends on no more than the longest token, 4 bytes, less the one that is there
      const auto now = certain(tokens, text.substr(0, t + 1), alphabet, 3);
      INFO(text << " at " << t);
      REQUIRE(rule.step(static_cast<uint8_t>(text[t])) == (now != before));
      before = now;
    }
  }
}

TEST_CASE("official token ends are those of the encoding", "[bpe][split]") {
  install_bpe_rule();
  const TemporaryFolder folder;
  const std::string path = folder / "ranks.tiktoken";
  const Bpe bpe = Bpe::train({kProse}, 300, "gpt2");
  bpe.save(path);
  const auto rules = parse_split("bpe=" + path, "test");
  const Splitter official(rules, SplitMode::Official), causal(rules, SplitMode::Causal);
  std::vector<int32_t> ids, expected;
  bpe.encode(kProse, ids);
  for (const int32_t id : ids) {
    expected.resize(expected.size() + static_cast<size_t>(bpe.n_bytes(id)), 0);
    expected.back() = 1;
  }
  CHECK(official.levels(to_ids(kProse)) == expected);
  CHECK(causal.levels(to_ids(kProse)) != expected);
  // a token's last byte is a boundary only if the text goes on otherwise than in a longer token
  CHECK(measure_leak(rules, {to_ids(kProse)}).changed > 0);
}

TEST_CASE("causal token ends never change, whatever follows, streamed or not", "[bpe][split]") {
  install_bpe_rule();
  const TemporaryFolder folder;
  const std::string path = folder / "ranks.tiktoken";
  Bpe::train({kProse}, 310, "gpt2").save(path);
  const auto rules = parse_split("word1=1@1,bpe=" + path + "@gpt2", "test");
  const Splitter causal(rules, SplitMode::Causal);
  RandomStream random(2, "bpe-prefix");
  for (int trial = 0; trial < 40; ++trial) {
    auto ids = to_ids(kProse.substr(random.below(100), 60) + random_text(random, 8, true));
    const auto levels = causal.levels(ids);
    LevelStream stream(rules, SplitMode::Causal);
    for (size_t t = 0; t < ids.size(); ++t) {
      REQUIRE(stream.next(ids[t]) == levels[t]);
      REQUIRE(causal.levels({ids.begin(), ids.begin() + static_cast<int64_t>(t) + 1}).back() == levels[t]);
    }
  }
}

TEST_CASE("a tokenizer that is not there, or unknown, is refused", "[bpe][split]") {
  install_bpe_rule();
  const TemporaryFolder folder;
  const auto build = [&](const std::string& text) {
    return Splitter(parse_split("bpe=" + folder.path + text, "test"), SplitMode::Causal);
  };
  CHECK_THROWS_AS(build("/none.tiktoken"), ConfigError);
  Bpe::train({kProse}, 300, "gpt2").save(folder / "ranks.tiktoken");
  CHECK_NOTHROW(build("/ranks.tiktoken"));
  CHECK_THROWS_WITH(build("/ranks.tiktoken@gtp2"), Catch::Matchers::Contains("gpt2"));
}

}  // namespace aunet
