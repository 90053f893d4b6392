#include "data/level_stream.h"

#include "data/split_rules.h"
#include "tests/data/fixtures.h"

#include <catch2/catch.hpp>

namespace aunet {
namespace {

const std::vector<std::vector<SplitRule>> kRuleLists = {
    {{"word1", "1@1"}, {"word2", "2@1"}},
    {{"pretok", "1@1"}},
    {{"word1", "1@1"}, {"punct", "1@1"}, plain_user_rule()}};

/// Text with marks in it, also right before and inside characters.
std::vector<int32_t> random_ids(RandomStream& random, int64_t n_pieces) {
  std::vector<int32_t> ids = {kBeginId};
  for (int64_t i = 0; i < n_pieces; ++i) {
    const auto text = to_ids(random_text(random, 1, true));
    ids.insert(ids.end(), text.begin(), text.end());
    if (random.below(8) == 0) ids.push_back(random.below(2) ? kBeginId : kEndId);
  }
  return ids;
}

}  // namespace

TEST_CASE("the level of an id just read is the last one of its prefix", "[data]") {
  RandomStream random(3, "level-stream");
  for (const auto& rules : kRuleLists) {
    for (const auto mode : {SplitMode::Official, SplitMode::Causal}) {
      const Splitter splitter(rules, mode);
      for (int trial = 0; trial < 100; ++trial) {
        const auto ids = random_ids(random, 20);
        LevelStream stream(rules, mode);
        for (size_t t = 0; t < ids.size(); ++t) {
          const int32_t level = stream.next(ids[t]);
          REQUIRE(level == splitter.levels({ids.begin(), ids.begin() + static_cast<int64_t>(t) + 1}).back());
        }
      }
    }
  }
}

TEST_CASE("a stream begins anew at each mark", "[data]") {
  LevelStream stream({{"word2", "2@1"}}, SplitMode::Causal);
  std::vector<int32_t> levels;
  for (const int32_t id : {256, int{'a'}, int{' '}, 257, 256, 0x80, int{'b'}, int{' '}, int{'c'}, int{' '}})
    levels.push_back(stream.next(id));
  CHECK(levels == std::vector<int32_t>{0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
}

TEST_CASE("official mode takes the newest byte as the text's last", "[data]") {
  // the blank of a blank line is a boundary only once its newline is there (paper.md 0.9)
  LevelStream official({{"word1", "1@1"}}, SplitMode::Official);
  std::vector<int32_t> levels;
  for (const int32_t id : to_ids("a.\n  \n")) levels.push_back(official.next(id));
  CHECK(levels == std::vector<int32_t>{0, 1, 1, 0, 0, 0});
}

}  // namespace aunet
