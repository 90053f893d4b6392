// The numbers of `aunet split --report`, counted again by hand and by brute force.
#include "data/split_report.h"

#include "tests/data/fixtures.h"

#include <catch2/catch.hpp>

namespace aunet {
namespace {

const UnitCount& of_script(const StageUnits& stage, const std::string& name) {
  for (const auto& [script, count] : stage.scripts) {
    if (script == name) return count;
  }
  FAIL("no units in " << name);
  return stage.all;
}

std::vector<std::vector<int32_t>> levels_of(const Splitter& splitter,
                                            const std::vector<std::vector<int32_t>>& texts) {
  std::vector<std::vector<int32_t>> levels;
  for (const auto& ids : texts) levels.push_back(splitter.levels(ids));
  return levels;
}

}  // namespace

TEST_CASE("units are counted by stage and by the script of their first letter", "[report]") {
  const Splitter splitter(parse_split("word1=1@1,word2=2@1", "test"), SplitMode::Causal);
  // units of words: `ab`, ` Где`, ` 中文`, ` c`, `!`; of pairs: `ab Где`, ` 中文 c`, `!`; the second text is
  // one `x`
  const std::vector<std::vector<int32_t>> texts = {to_ids("ab Где 中文 c!"), to_ids("x")};
  const auto stages = count_units(texts, levels_of(splitter, texts), 3);
  REQUIRE(stages.size() == 2);
  CHECK(stages[0].all.units == 6);
  CHECK(stages[0].all.bytes == 2 + 7 + 7 + 2 + 1 + 1);
  CHECK(stages[0].all.one_byte_units == 2);
  CHECK(of_script(stages[0], "Latin").units == 3);
  CHECK(of_script(stages[0], "Latin").bytes == 2 + 2 + 1);
  CHECK(of_script(stages[0], "Latin").one_byte_units == 1);
  CHECK(of_script(stages[0], "Cyrillic").bytes == 7);
  CHECK(of_script(stages[0], "Han").units == 1);
  CHECK(of_script(stages[0], "None").units == 1);
  CHECK(stages[0].all.per_byte() == Approx(6.0 / 20));
  CHECK(stages[0].all.one_byte_share() == Approx(2.0 / 6));
  CHECK(stages[1].all.units == 4);
  CHECK(of_script(stages[1], "Latin").bytes == 9 + 1);
  CHECK(of_script(stages[1], "Han").bytes == 9);
  CHECK(of_script(stages[1], "None").bytes == 1);
}

TEST_CASE("a script that has no column is Other", "[report]") {
  const std::vector<std::vector<int32_t>> texts = {to_ids("ᏣᎳᎩ")};  // Cherokee
  const Splitter splitter(parse_split("word1=1@1", "test"), SplitMode::Causal);
  CHECK(of_script(count_units(texts, levels_of(splitter, texts), 2)[0], "Other").bytes == 9);
}

TEST_CASE("rows that a cap cuts are those past it, window by window", "[report]") {
  RandomStream random(1, "caps");
  std::string text;
  while (text.size() < 3000) text += random_text(random, 5, true);
  const auto ids = to_ids(text);
  const Splitter splitter(parse_split("word1=1@1,word2=2@1", "test"), SplitMode::Causal);
  const int64_t window = 101;
  const std::vector<int64_t> caps = {101, 30, 18};
  const CapReport report = count_cut_rows({ids}, splitter, caps, window);
  // again: of each window, rows of stage 2 are the positions of level > 0, the begin mark first; of stage 3
  // those of level > 1 among the rows of stage 2 that are left
  std::vector<int64_t> rows(3, 0), cut(3, 0);
  int64_t windows = 0, cut_windows = 0;
  for (size_t begin = 0; begin < ids.size(); begin += 100, ++windows) {
    const size_t end = std::min(ids.size(), begin + 100);
    std::vector<int32_t> levels = {2};
    const auto of_bytes =
        splitter.levels({ids.begin() + static_cast<int64_t>(begin), ids.begin() + static_cast<int64_t>(end)});
    levels.insert(levels.end(), of_bytes.begin(), of_bytes.end());
    int64_t two = 0, three = 0, kept_two = 0, kept_three = 0;
    for (const int32_t level : levels) {
      two += level > 0;
      three += level > 1;
      if (level == 0 || kept_two == caps[1]) continue;
      ++kept_two;
      if (level > 1 && kept_three < caps[2]) ++kept_three;
    }
    rows[0] += static_cast<int64_t>(levels.size());
    rows[1] += two;
    rows[2] += three;
    cut[1] += two - kept_two;
    cut[2] += three - kept_three;
    cut_windows += two > kept_two || three > kept_three;
  }
  CHECK(report.windows == windows);
  CHECK(report.cut_windows == cut_windows);
  CHECK(report.rows == rows);
  CHECK(report.cut == cut);
  CHECK(cut[1] > 0);
  CHECK(cut[2] > 0);
  CHECK(cut_windows < windows);
  CHECK(count_cut_rows({ids}, splitter, {-1, -1, -1}, window).cut == std::vector<int64_t>(3, 0));
}

}  // namespace aunet
