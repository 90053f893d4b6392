// Any bytes, through every rule and mixture in both modes: one level each, and in causal mode the same one
// byte at a time as over whole texts.
#include "data/level_stream.h"
#include "data/split_rules.h"
#include "tests/data/fixtures.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace aunet {
namespace {

/// Adversarial bytes: random ones, lone continuation bytes, unfinished and 4-byte characters, long runs,
/// text.
std::string random_bytes(RandomStream& random, size_t n) {
  std::string text;
  while (text.size() < n) {
    switch (random.below(6)) {
      case 0:
        for (int i = 0; i < 8; ++i) text += static_cast<char>(random.below(256));
        break;
      case 1:
        text.append(random.below(7), static_cast<char>(0x80 + random.below(64)));
        break;
      case 2:
        text += "😀𐍈🇩";
        break;
      case 3:
        text.append(random.below(40), "a 1!\n\t,"[random.below(7)]);
        break;
      case 4:
        text += random_text(random, 6, true);
        break;
      default:
        text += "Jo said: \"No 1,234.50 — ne pas œuvrer!\" \n";
        break;
    }
  }
  text.resize(n);
  return text;
}

/// The bytes in windows of random length, cut anywhere, between marks.
std::vector<int32_t> in_windows(RandomStream& random, const std::string& bytes) {
  std::vector<int32_t> ids;
  for (size_t i = 0; i < bytes.size();) {
    const size_t end = std::min(bytes.size(), i + 1 + random.below(600));
    ids.push_back(kBeginId);
    for (; i < end; ++i) ids.push_back(static_cast<uint8_t>(bytes[i]));
    if (random.below(2)) ids.push_back(kEndId);
  }
  return ids;
}

void check_levels(const std::vector<SplitRule>& rules, SplitMode mode, const std::vector<int32_t>& ids) {
  const Splitter splitter(rules, mode);
  std::vector<int32_t> levels(ids.size() + 1, -7);
  splitter.levels(ids.data(), static_cast<int64_t>(ids.size()), levels.data());
  CHECK(levels.back() == -7);
  levels.pop_back();
  const auto [low, high] = std::minmax_element(levels.begin(), levels.end());
  CHECK(*low == 0);
  CHECK(*high == static_cast<int32_t>(rules.size()));
  for (size_t t = 0; t < ids.size(); ++t) {
    if (ids[t] > 255 && levels[t] != 0) FAIL_CHECK("mark at " << t << " has level " << levels[t]);
  }
  if (mode == SplitMode::Official) return;
  LevelStream stream(rules, mode);
  std::vector<int32_t> streamed(ids.size());
  std::transform(ids.begin(), ids.end(), streamed.begin(), [&](int32_t id) { return stream.next(id); });
  const auto differs = std::mismatch(levels.begin(), levels.end(), streamed.begin()).first;
  if (differs != levels.end()) FAIL_CHECK("streaming differs at " << differs - levels.begin());
}

void check_all(size_t n_bytes, size_t n_pieces) {
  const std::vector<std::vector<SplitRule>> rule_lists = {
      {{"word1", "1@1"}},
      {{"word1", "1@1"}, {"word2", "2@1"}},
      {{"word", "1@2-3"}, {"word4", "4@1"}},
      {{"pretok", "1@1"}},
      {{"punct", "1@1"}},
      {plain_user_rule()},
      {{"word1", "1@1"}, {"punct", "1@1"}, {"pretok", "1@1"}},
      {{"pretok", "1@1"}, plain_user_rule(), {"word2", "2@1"}},
      {{"space", ""}, {"script", "2"}},
      {{"every", "7"}, {"chars", "3"}, {"word1", "1@1"}}};
  RandomStream random(11, "split-fuzz");
  for (size_t piece = 0; piece < n_pieces; ++piece) {
    const auto ids = in_windows(random, random_bytes(random, n_bytes / n_pieces));
    for (const auto& rules : rule_lists) {
      INFO("rules " << to_string(rules) << " piece " << piece);
      check_levels(rules, SplitMode::Official, ids);
      check_levels(rules, SplitMode::Causal, ids);
    }
  }
}

}  // namespace

TEST_CASE("200,000 random and adversarial bytes through every rule, both modes", "[data]") {
  check_all(200'000, 4);
}

TEST_CASE("10 million random and adversarial bytes through every rule, both modes", "[data][slow]") {
  check_all(10'000'000, 20);
}

TEST_CASE("a 4-byte character may end outside the window", "[data]") {
  // the bytes inside count as nothing, before and after the cut, so that no window depends on another
  for (const auto mode : {SplitMode::Official, SplitMode::Causal}) {
    for (const SplitRule& rule : {SplitRule{"word1", "1@1"}, {"pretok", "1@1"}, {"punct", "1@1"}}) {
      const Splitter splitter({rule}, mode);
      const std::string text = "a😀b";
      for (size_t cut = 2; cut < 5; ++cut) {
        INFO(rule.name << " cut at " << cut);
        const auto before = splitter.levels(to_ids(text.substr(0, cut)));
        const auto after = splitter.levels(to_ids(text.substr(cut)));
        for (size_t t = 1; t < cut; ++t) CHECK(before[t] == 0);
        for (size_t t = 0; t < 5 - cut; ++t) CHECK(after[t] == 0);
      }
    }
  }
}

}  // namespace aunet
