// The causal scanner against its definition (DESIGN section 4), computed by brute force from the official
// regexes: with the bytes up to t known, the level that position p has for certain is the least over all
// continuations; a boundary sits at the first byte at which it is certain.
#include "data/split_rules.h"

#include "data/official_rules.h"
#include "tests/data/fixtures.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace aunet {
namespace {

std::vector<std::vector<int32_t>> make_continuations() {
  const std::vector<std::string> second = {" ", "\n", "a", "!", "1", "\x80", "\xbf"};
  std::vector<std::vector<int32_t>> out = {{}};
  for (const auto* pieces : {&nasty_pieces(), &broken_pieces()}) {
    for (const auto& piece : *pieces) {
      out.push_back(to_ids(piece));
      for (const auto& next : second) out.push_back(to_ids(piece + next));
    }
  }
  return out;
}

std::vector<int32_t> levels_of(OfficialRules& official, const std::vector<int32_t>& ids) {
  // what Splitter does for every engine: continuation bytes that open a segment lie partly outside
  size_t begin = 0;
  while (begin < std::min<size_t>(5, ids.size()) && (ids[begin] & 0xC0) == 0x80) ++begin;
  std::vector<int32_t> out(ids.size(), 0);
  official.levels(ids.data() + begin, static_cast<int64_t>(ids.size() - begin), out.data() + begin);
  return out;
}

/// [positions of prefix] least official level over the continuations.
std::vector<int32_t> certain_levels(OfficialRules& official, const std::vector<int32_t>& prefix) {
  static const auto continuations = make_continuations();
  std::vector<int32_t> least(prefix.size(), 1000);
  for (const auto& continuation : continuations) {
    auto ids = prefix;
    ids.insert(ids.end(), continuation.begin(), continuation.end());
    const auto levels = levels_of(official, ids);
    for (size_t p = 0; p < prefix.size(); ++p) least[p] = std::min(least[p], levels[p]);
  }
  return least;
}

std::vector<int32_t> causal_by_definition(OfficialRules& official, const std::vector<int32_t>& ids) {
  std::vector<int32_t> out, before;
  for (size_t t = 0; t < ids.size(); ++t) {
    const auto now = certain_levels(official, {ids.begin(), ids.begin() + static_cast<int64_t>(t) + 1});
    before.push_back(0);
    int32_t level = 0;
    for (size_t p = 0; p <= t; ++p) {
      if (now[p] > before[p]) level = std::max(level, now[p]);
    }
    out.push_back(level);
    before = now;
  }
  return out;
}

}  // namespace

TEST_CASE("causal levels are what brute force over continuations finds certain", "[data]") {
  const std::vector<std::vector<SplitRule>> rule_lists = {{{"word1", "1@1"}},
                                                          {{"word2", "2@1"}},
                                                          {{"word1", "1@1"}, {"word2", "2@1"}},
                                                          {{"word", "1@2-3"}, {"word2", "2@1"}}};
  RandomStream random(7, "causal-definition");
  for (const auto& rules : rule_lists) {
    OfficialRules official(rules);
    const Splitter causal(rules, SplitMode::Causal);
    for (int trial = 0; trial < 60; ++trial) {
      const auto text = random_text(random, 9, trial % 2 == 1);
      INFO("text " << Catch::StringMaker<std::string>::convert(text) << " rule " << to_string(rules));
      REQUIRE(causal.levels(to_ids(text)) == causal_by_definition(official, to_ids(text)));
    }
  }
}

TEST_CASE("official levels of word rules equal those of the published regexes, on any bytes", "[data]") {
  const std::vector<std::vector<SplitRule>> rule_lists = {
      {{"word1", "1@1"}}, {{"word2", "2@1"}, {"word4", "4@1"}}, {{"word", "1@2-3"}, {"word3", "3@1"}}};
  RandomStream random(8, "official-words");
  for (const auto& rules : rule_lists) {
    OfficialRules regexes(rules);
    const Splitter official(rules, SplitMode::Official);
    for (int trial = 0; trial < 2000; ++trial) {
      const auto text = random_text(random, 40, trial % 2 == 1);
      INFO("text " << Catch::StringMaker<std::string>::convert(text) << " rule " << to_string(rules));
      REQUIRE(official.levels(to_ids(text)) == levels_of(regexes, to_ids(text)));
    }
  }
}

TEST_CASE("causal equals official on prose without blank lines that hold blanks", "[data]") {
  const std::vector<SplitRule> rules = {{"word1", "1@1"}, {"word2", "2@1"}};
  const Splitter official(rules, SplitMode::Official), causal(rules, SplitMode::Causal);
  const auto ids = to_ids(
      "\"Well,\" said Naïve Jo -- 3 times in 1874!\nThe café (42nd St.) closed.\n\nNothing 1234567 more…\n");
  CHECK(causal.levels(ids) == official.levels(ids));
}

}  // namespace aunet
