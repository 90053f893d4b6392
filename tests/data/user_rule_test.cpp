// User rules ([split.NAME]): official mode is the regexes, causal mode their incremental matching. Patterns
// without look-ahead are held against the definition in causal_definition_test.cpp.
#include "data/user_rule.h"

#include "data/split_rules.h"
#include "tests/data/fixtures.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace aunet {
namespace {

SplitRule user_rule(const std::string& start, const std::string& end) {
  SplitRule rule{"mine", ""};
  rule.start = start;
  rule.end = end;
  return rule;
}

std::vector<int32_t> levels(const SplitRule& rule, SplitMode mode, const std::string& text) {
  return Splitter({rule}, mode).levels(to_ids(text));
}

// The regexes of the official rules (paper.md 1.3), typed again.
const char* const kWordStarts = R"(\p{N}{1,3}|(?:[^\s\p{L}\p{N}]{1,3}[\r\n]*)|\s*[\r\n])";
const char* const kPretok =
    R"((?: ?\p{L}{1,16})|\p{N}{1,3}| ?(?:[^\s\p{L}\p{N}]){1,3}+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)";
const char* const kPunct =
    R"(\d{1,3}(?=(?:\d{3})+(?!\d))|\d{1,3}(?=\D|$)|(?:[^\s\p{L}\p{N}]){1,3}+[\r\n]*|\s*[\r\n])";

}  // namespace

TEST_CASE("start is at the first character of a match, end at the last, each on its last byte", "[data]") {
  for (const auto mode : {SplitMode::Official, SplitMode::Causal}) {
    CHECK(levels(user_rule("é+x", ""), mode, "aééx") == (mode == SplitMode::Official
                                                             ? std::vector<int32_t>{0, 0, 1, 0, 0, 0}
                                                             : std::vector<int32_t>{0, 0, 0, 0, 0, 1}));
    CHECK(levels(user_rule("", "x.?é"), mode, "xaéx") == std::vector<int32_t>{0, 0, 0, 1, 0});
    CHECK(levels(user_rule("[A-Z]", "[.]"), mode, "Ab. C.") == std::vector<int32_t>{1, 0, 1, 0, 1, 1});
  }
}

TEST_CASE("the causal end of a match is where it cannot grow any more", "[data]") {
  CHECK(levels(user_rule("", "a+"), SplitMode::Causal, "aab") == std::vector<int32_t>{0, 0, 1});
  CHECK(levels(user_rule("", "a{1,2}"), SplitMode::Causal, "aaab") == std::vector<int32_t>{0, 1, 0, 1});
  CHECK(levels(user_rule("", "a(?!b)"), SplitMode::Causal, "aab") == std::vector<int32_t>{0, 1, 0});
}

TEST_CASE("the word regexes as a user rule are the word rule, in both modes", "[data]") {
  RandomStream random(4, "user-word");
  for (const int group : {1, 2}) {
    const auto mine = user_rule(kWordStarts, R"((?:\S+?\s){)" + std::to_string(group) + "}");
    const SplitRule word{"word" + std::to_string(group), std::to_string(group) + "@1"};
    for (const auto mode : {SplitMode::Official, SplitMode::Causal}) {
      const Splitter user({mine}, mode), shipped({word}, mode);
      for (int trial = 0; trial < 300; ++trial) {
        const auto text = random_text(random, 30, trial % 2 == 1);
        INFO("text " << Catch::StringMaker<std::string>::convert(text));
        REQUIRE(user.levels(to_ids(text)) == shipped.levels(to_ids(text)));
      }
    }
  }
}

TEST_CASE("the pretok and punct regexes as user rules are those rules in official mode", "[data]") {
  RandomStream random(5, "user-look-ahead");
  for (const auto& [regex, name] : {std::pair{kPretok, "pretok"}, std::pair{kPunct, "punct"}}) {
    const auto mine = user_rule(regex, "");
    const Splitter user({mine}, SplitMode::Official), shipped({{name, "1@1"}}, SplitMode::Official);
    for (int trial = 0; trial < 300; ++trial) {
      const auto ids = to_ids(random_text(random, 30, trial % 2 == 1));
      REQUIRE(user.levels(ids) == shipped.levels(ids));
    }
  }
}

TEST_CASE("a match may be longer than what the JIT compiler's stack holds", "[data]") {
  const auto rule = user_rule("", "(?:ab|cd)+e");
  std::string text;
  while (text.size() < 6000) text += "abcd";
  for (const auto mode : {SplitMode::Official, SplitMode::Causal}) {
    const auto marked = levels(rule, mode, text + "e");
    CHECK(marked.back() == 1);
    CHECK(std::count(marked.begin(), marked.end(), 1) == 1);
  }
}

TEST_CASE("patterns that look ahead or give up matches are told from the others", "[data]") {
  for (const char* plain : {"a+b?c*?", R"(\p{Lu}\p{L}*|\d{1,3})", "[^]+$]+", "(?:a|b){2,3}?", R"((?<=\n)x)",
                            "^a", "(?i:ab)", R"([[:alpha:]+]\.)", R"(\$\+)"})
    CHECK(keeps_matches(plain));
  for (const char* not_plain : {"a++", "a*+", "a?+", "a{2}+", "(?>a+)", "a(?=b)", "a(?!b)", "a$", R"(a\b)",
                                R"(a\z)", R"(a\R)", R"((a)\1)", "(*COMMIT)a", "(?|a|b)", "[ab"})
    CHECK_FALSE(keeps_matches(not_plain));
}

}  // namespace aunet
