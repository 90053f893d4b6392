#include "data/split_rules.h"

#include "core/error.h"
#include "data/jsonl.h"
#include "data/leak.h"
#include "tests/data/fixtures.h"
#include "tests/support/shared_data.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace aunet {
namespace {

/// Number of cases of a golden file; fails for each case that differs.
int64_t check_golden(const std::string& path) {
  int64_t n_cases = 0;
  for_each_line(path, [&](std::string_view line, int64_t number) {
    const auto item = nlohmann::json::parse(line);
    std::vector<SplitRule> rules;
    for (const auto& rule : item["strategy"]) rules.push_back({rule[0], rule[1]});
    const Splitter splitter(rules, SplitMode::Official);
    INFO(path << ":" << number);
    CHECK(splitter.levels(item["ids"].get<std::vector<int32_t>>()) ==
          item["levels"].get<std::vector<int32_t>>());
    ++n_cases;
  });
  return n_cases;
}

const std::vector<std::vector<SplitRule>> kRuleLists = {
    {{"word1", "1@1"}},
    {{"word2", "2@1"}},
    {{"word1", "1@1"}, {"word2", "2@1"}},
    {{"word1", "1@1"}, {"word4", "4@1"}},
    {{"word", "1@2-3"}},
    {{"word", "1@2"}, {"word3", "3@1"}, {"word6", "6@1"}}};

}  // namespace

// splits_synthetic.jsonl: the 136 of the 600 golden cases (official code, lingua revision 437d680) that quote
// nobody's text: random characters and public-domain prose. Format: golden/README.md of the shared data.
TEST_CASE("official levels equal the golden cases that ship with the tree", "[data]") {
  CHECK(check_golden(golden_path("splits_synthetic.jsonl")) == 136);
}

TEST_CASE("official levels equal all 600 golden cases", "[data]") {
  const auto path = shared_path("golden/splits.jsonl");
  if (!path.empty()) CHECK(check_golden(path) == 600);
}

TEST_CASE("a word boundary is on the last byte of a multi-byte blank", "[data]") {
  const Splitter splitter({{"word1", "1@1"}}, SplitMode::Causal);
  CHECK(splitter.levels(to_ids("ab\u3000c d")) == std::vector<int32_t>{0, 0, 0, 0, 1, 0, 1, 0});
}

TEST_CASE("the causal boundary of a blank line goes to its newline", "[data]") {
  // official puts it on the first blank, because a newline follows; seen from the blank that is the future
  const Splitter official({{"word1", "1@1"}}, SplitMode::Official),
      causal({{"word1", "1@1"}}, SplitMode::Causal);
  const auto ids = to_ids("a.\n  \n\nb");
  CHECK(official.levels(ids) == std::vector<int32_t>{0, 1, 1, 1, 0, 0, 0, 0});
  CHECK(causal.levels(ids) == std::vector<int32_t>{0, 1, 1, 0, 0, 1, 0, 0});
}

TEST_CASE("marks have level 0 and separate what is before from what is after", "[data]") {
  for (const auto mode : {SplitMode::Official, SplitMode::Causal}) {
    const Splitter splitter({{"word1", "1@1"}, {"word2", "2@1"}}, mode);
    const std::vector<int32_t> ids = {256, 'a', ' ', 'b', 257, 256, 'c', ' ', 'd', ' '};
    CHECK(splitter.levels(ids) == std::vector<int32_t>{0, 0, 1, 0, 0, 0, 0, 1, 0, 2});
  }
}

TEST_CASE("any bytes have one level each, in both modes", "[data]") {
  RandomStream random(1, "any-bytes");
  for (const auto& rules : kRuleLists) {
    const Splitter official(rules, SplitMode::Official), causal(rules, SplitMode::Causal);
    for (int trial = 0; trial < 300; ++trial) {
      std::vector<int32_t> ids(random.below(40));
      for (auto& id : ids) id = static_cast<int32_t>(random.below(258));
      for (const auto* splitter : {&official, &causal}) {
        const auto levels = splitter->levels(ids);
        REQUIRE(levels.size() == ids.size());
        for (const int32_t level : levels)
          REQUIRE((level >= 0 && level <= static_cast<int32_t>(rules.size())));
      }
    }
  }
}

TEST_CASE("an invalid byte counts as one symbol", "[data]") {
  for (const auto mode : {SplitMode::Official, SplitMode::Causal}) {
    const Splitter splitter({{"word1", "1@1"}}, mode);
    CHECK(splitter.levels(to_ids("a\xff"
                                 "b")) == std::vector<int32_t>{0, 1, 0});
    CHECK(splitter.levels(to_ids("a\xff\xff\xff\xff"
                                 "b")) == std::vector<int32_t>{0, 1, 0, 0, 1, 0});
    CHECK(splitter.levels(to_ids("\x82\xac"
                                 "a b\xe2\x82")) == std::vector<int32_t>{0, 0, 0, 1, 0, 0, 0});
  }
}

TEST_CASE("causal levels of a prefix never change when bytes are appended", "[data]") {
  RandomStream random(2, "prefixes");
  for (const auto& rules : kRuleLists) {
    const Splitter causal(rules, SplitMode::Causal);
    for (int trial = 0; trial < 200; ++trial) {
      const auto ids = to_ids(random_text(random, 24, trial % 2 == 1));
      const auto levels = causal.levels(ids);
      for (size_t n = 0; n < ids.size(); ++n) {
        const auto prefix = causal.levels({ids.begin(), ids.begin() + static_cast<int64_t>(n)});
        REQUIRE(std::equal(prefix.begin(), prefix.end(), levels.begin()));
      }
    }
  }
}

TEST_CASE("the leak report counts the levels that later bytes move", "[data]") {
  // word1: the blank that opens a blank line (paper.md 0.9); the newline alone would not wait
  const auto word = measure_leak({{"word1", "1@1"}}, {to_ids("a.\n  \nb c"), to_ids("a.\nb c")});
  CHECK(word.positions == 9 + 6);
  CHECK(word.changed == 1);
  CHECK(word.changed_boundaries == 1);
  CHECK(word.boundaries == 4 + 3);
  // pretok: of two blanks the second belongs to a letter that follows, and is no boundary of its own
  // otherwise
  const auto pretok = measure_leak({{"pretok", "1@1"}}, {to_ids("a  b")});
  CHECK(pretok.changed == 1);
  CHECK(measure_leak({{"pretok", "1@1"}}, {to_ids("a b, c")}).changed == 0);
  CHECK(measure_leak({{"word1", "1@1"}}, {}).rate() == 0);
  // a user rule: "a" is one before "b" only; "+" ends at each of its characters until the next is there
  SplitRule mine{"mine", ""};
  mine.start = "a(?=b)";
  CHECK(measure_leak({mine}, {to_ids("ab a")}).changed == 1);
  mine.start = "";
  mine.end = "[+]+";
  CHECK(measure_leak({mine}, {to_ids("+++ ")}).changed == 2);
}

TEST_CASE("a rule that is wrong is refused with its text", "[data]") {
  const auto build = [](SplitRule rule, SplitMode mode) { return Splitter({rule}, mode); };
  CHECK_THROWS_WITH(build({"wrod", "1@1"}, SplitMode::Official),
                    "split rule 'wrod=1@1': unknown rule; expected a name that begins with " + rule_kinds());
  CHECK_THROWS_WITH(
      build({"word1", "0@1"}, SplitMode::Causal),
      "split rule 'word1=0@1': expected G@M with G and M from 1 to 65535, as in 'word2=2@1', got '0'");
  CHECK_THROWS_WITH(build({"word", "1"}, SplitMode::Causal),
                    "split rule 'word=1': expected G@M, as in 'word=1@1', got no '@'");
  CHECK_THROWS_AS(build({"word", "1@0"}, SplitMode::Official), ConfigError);
}

}  // namespace aunet
