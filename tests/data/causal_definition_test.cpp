// The causal rules against their definition (DESIGN section 4), computed by brute force from the official
// regexes, rule by rule: with the bytes up to t known, a position is a boundary for certain if it is one in
// every continuation; the causal boundary sits at the first byte at which that is so.
#include "data/split_rules.h"

#include "data/official_rules.h"
#include "tests/data/fixtures.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>

namespace aunet {
namespace {

/// Short texts, and what completes ٣, U+0085, U+3000 and the digit U+1FBF0.
std::vector<std::vector<int32_t>> make_continuations() {
  const std::vector<std::string> second = {" ", "\n", "a", "!", "1", "\x80", "\xa3", "\xbf"};
  const std::vector<std::string> ends = {"\xa3", "\x85", "\x80\x80", "\x9f\xaf\xb0", "\xaf\xb0"};
  std::vector<std::vector<int32_t>> out = {{}};
  for (const auto* pieces : {&nasty_pieces(), &broken_pieces(), &ends}) {
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

/// [positions of prefix] 1 where every continuation has a boundary.
std::vector<int32_t> certain_boundaries(OfficialRules& official, const std::vector<int32_t>& prefix) {
  static const auto continuations = make_continuations();
  std::vector<int32_t> certain(prefix.size(), 1);
  for (const auto& continuation : continuations) {
    auto ids = prefix;
    ids.insert(ids.end(), continuation.begin(), continuation.end());
    const auto levels = levels_of(official, ids);
    for (size_t p = 0; p < prefix.size(); ++p) certain[p] = std::min(certain[p], levels[p]);
  }
  return certain;
}

/// What the last byte of a prefix makes certain, given what was certain before it.
bool is_new(const std::vector<int32_t>& now, const std::vector<int32_t>& before) {
  for (size_t p = 0; p < now.size(); ++p) {
    if (now[p] > (p < before.size() ? before[p] : 0)) return true;
  }
  return false;
}

std::vector<int32_t> causal_by_definition(const SplitRule& rule, const std::vector<int32_t>& ids) {
  OfficialRules official({rule});
  std::vector<int32_t> out, before;
  for (size_t t = 0; t < ids.size(); ++t) {
    const auto now = certain_boundaries(official, {ids.begin(), ids.begin() + static_cast<int64_t>(t) + 1});
    out.push_back(is_new(now, before));
    before = now;
  }
  return out;
}

const std::vector<SplitRule>& causal_rules() {
  static const std::vector<SplitRule> rules = {{"word1", "1@1"},  {"word2", "2@1"}, {"word", "1@2-3"},
                                               {"pretok", "1@1"}, {"punct", "1@1"}, plain_user_rule()};
  return rules;
}

/// Every text over a small alphabet, up to `depth` bytes, with all its continuations up to that length.
class AllTexts {
 public:
  AllTexts(const SplitRule& rule, std::string_view alphabet, size_t depth)
      : official_({rule}), causal_({rule}, SplitMode::Causal), alphabet_(to_ids(alphabet)), depth_(depth) {}

  /// Certain boundaries of `text`. Checks the texts that are one byte longer and have `kAhead` bytes left to
  /// differ in.
  std::vector<int32_t> visit(const std::vector<int32_t>& text) {
    auto certain = levels_of(official_, text);
    if (text.size() == depth_) return certain;
    std::vector<std::vector<int32_t>> of_child;
    auto child = text;
    child.push_back(0);
    for (const int32_t byte : alphabet_) {
      child.back() = byte;
      of_child.push_back(visit(child));
      for (size_t p = 0; p < text.size(); ++p) certain[p] = std::min(certain[p], of_child.back()[p]);
    }
    if (child.size() + kAhead > depth_) return certain;
    for (size_t i = 0; i < alphabet_.size(); ++i) {
      child.back() = alphabet_[i];
      check(child, is_new(of_child[i], certain));
    }
    return certain;
  }

  int64_t n_checked = 0;

 private:
  static constexpr size_t kAhead = 2;
  void check(const std::vector<int32_t>& text, bool expected) {
    ++n_checked;
    const auto levels = causal_.levels(text);
    if ((levels.back() > 0) == expected) return;
    FAIL("bytes " << Catch::StringMaker<std::vector<int32_t>>::convert(text) << ": expected " << expected);
  }
  OfficialRules official_;
  Splitter causal_;
  std::vector<int32_t> alphabet_;
  size_t depth_;
};

}  // namespace

TEST_CASE("causal boundaries are what brute force over continuations finds certain", "[data]") {
  RandomStream random(7, "causal-definition");
  for (const auto& rule : causal_rules()) {
    const Splitter causal({rule}, SplitMode::Causal);
    for (int trial = 0; trial < 60; ++trial) {
      const auto text = random_text(random, 9, trial % 2 == 1);
      INFO("text " << Catch::StringMaker<std::string>::convert(text) << " rule " << to_string({rule}));
      REQUIRE(causal.levels(to_ids(text)) == causal_by_definition(rule, to_ids(text)));
    }
  }
}

TEST_CASE("causal boundaries of long runs are what brute force finds certain", "[data]") {
  const std::vector<std::string> texts = {std::string(40, 'a'),
                                          "  " + std::string(18, 'b') + " c",
                                          "x1234567 y",
                                          "1234567890123",
                                          "12345²6789\n",
                                          "!!!!!\n\n\n  \n \t x",
                                          "\r\n\r\n  !!!! .",
                                          " ١٢٣٤٥٦٧٨ 中中中",
                                          "\u3000\u00a0 \n\u2028\ny",
                                          "a \x80\x80\x80\x80 1\xf0\x9f\x98"};
  for (const auto& rule : causal_rules()) {
    const Splitter causal({rule}, SplitMode::Causal);
    for (const auto& text : texts) {
      INFO("text " << Catch::StringMaker<std::string>::convert(text) << " rule " << to_string({rule}));
      CHECK(causal.levels(to_ids(text)) == causal_by_definition(rule, to_ids(text)));
    }
  }
}

TEST_CASE("causal boundaries of all short texts are what all continuations agree on", "[data]") {
  // ASCII of each class; no-break space and next line, whole and broken; digits; a 4-byte character
  const std::vector<std::string> alphabets = {" \n\ta1!",
                                              " \n!\xc2\xa0\x85",
                                              "1, \n",
                                              "1\xc2\xd9\xa3",
                                              "a \xf0\x9f\x98\x80",
                                              " \n\xf0\x9f"
                                              "a"};
  for (const auto& rule : causal_rules()) {
    for (const auto& alphabet : alphabets) {
      INFO("rule " << to_string({rule}) << " alphabet "
                   << Catch::StringMaker<std::string>::convert(alphabet));
      AllTexts texts(rule, alphabet, alphabet.size() > 5 ? 6 : 12 - alphabet.size());
      texts.visit({});
      CHECK(texts.n_checked >= 1500);
    }
  }
}

TEST_CASE("a user rule that looks ahead tells a boundary never before it is certain", "[data]") {
  const std::vector<std::string> patterns = {R"(\d{1,3}(?=(?:\d{3})+(?!\d))|\d{1,3}(?=\D|$))",
                                             R"(\s+(?!\S)|\s+)", R"(\b\w)", R"([^\w\s]++)", "a(?! )|1$"};
  RandomStream random(10, "user-look-ahead");
  for (const auto& pattern : patterns) {
    for (const bool at_start : {true, false}) {
      SplitRule rule{"mine", ""};
      (at_start ? rule.start : rule.end) = pattern;
      OfficialRules official({rule});
      const Splitter causal({rule}, SplitMode::Causal);
      int64_t n_told_at_all = 0;
      for (int trial = 0; trial < 40; ++trial) {
        const auto ids = to_ids(random_text(random, 9, trial % 2 == 1));
        const auto levels = causal.levels(ids);
        int32_t n_told = 0;
        for (size_t t = 0; t < ids.size(); ++t) {
          const auto certain =
              certain_boundaries(official, {ids.begin(), ids.begin() + static_cast<int64_t>(t) + 1});
          n_told += levels[t];
          INFO("text " << Catch::StringMaker<std::vector<int32_t>>::convert(ids) << " pattern " << pattern);
          REQUIRE(n_told <= std::accumulate(certain.begin(), certain.end(), 0));
        }
        n_told_at_all += n_told;
      }
      CHECK(n_told_at_all > 0);
    }
  }
}

TEST_CASE("the level of a mixture is the deepest rule with a boundary, in both modes", "[data]") {
  const std::vector<std::vector<SplitRule>> mixtures = {
      {{"word1", "1@1"}, {"word2", "2@1"}},
      {{"word2", "2@1"}, {"word1", "1@1"}},
      {{"word", "1@2-3"}, {"word2", "2@1"}},
      {{"pretok", "1@1"}, {"word2", "2@1"}, {"punct", "1@1"}},
      {{"punct", "1@1"}, plain_user_rule(), {"word4", "4@1"}}};
  RandomStream random(9, "mixtures");
  for (const auto& rules : mixtures) {
    for (const auto mode : {SplitMode::Official, SplitMode::Causal}) {
      const Splitter mixture(rules, mode);
      for (int trial = 0; trial < 300; ++trial) {
        const auto ids = to_ids(random_text(random, 20, trial % 2 == 1));
        std::vector<int32_t> deepest(ids.size(), 0);
        for (size_t r = 0; r < rules.size(); ++r) {
          const auto own = Splitter({rules[r]}, mode).levels(ids);
          for (size_t t = 0; t < ids.size(); ++t) {
            if (own[t] > 0) deepest[t] = static_cast<int32_t>(r + 1);
          }
        }
        REQUIRE(mixture.levels(ids) == deepest);
      }
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
