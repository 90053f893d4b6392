// Split rules beyond the paper against their definitions, written out without machines.
#include "core/error.h"
#include "data/level_stream.h"
#include "data/scripts.h"
#include "data/split_rules.h"
#include "data/utf8.h"
#include "tests/data/fixtures.h"

#include <catch2/catch.hpp>

#include <set>

namespace aunet {
namespace {

std::vector<int32_t> levels_of(const std::string& rule, std::string_view text,
                               SplitMode mode = SplitMode::Causal) {
  return Splitter(parse_split(rule, "test"), mode).levels(to_ids(text));
}

/// The text with '|' before each byte that has a boundary.
std::string marked(const std::string& rule, std::string_view text) {
  const auto levels = levels_of(rule, text);
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    // a boundary is on the last byte of a character: show it in front of the character
    size_t end = i + 1;
    while (end < text.size() && is_continuation(static_cast<uint8_t>(text[end]))) ++end;
    for (size_t k = i; k < end; ++k) out += levels[k] > 0 ? "|" : "";
    out += text.substr(i, end - i);
    i = end - 1;
  }
  return out;
}

const std::vector<std::string> kRules = {
    "space",    "every=1",  "every=4",       "chars=1",           "chars=3",
    "script=1", "script=2", "space,every=7", "chars=2,word2=2@1", "every=3,chars=5,pretok=1@1"};

/// Random bytes, and pieces of many scripts, some of them broken.
std::string hostile_text(RandomStream& random, int trial) {
  static const std::vector<std::string> scripts = {"中文字", "ひら", "カー", "ไทย", "ພາສາ", "ខ្មែរ", "မြန်",
                                                   "abc",    "где",  "。",   "、",  "々",   "٣"};
  if (trial % 3 == 0) {
    std::string text(random.below(40), ' ');
    for (char& c : text) c = static_cast<char>(random.below(256));
    return text;
  }
  std::string text = random_text(random, 10, trial % 3 == 1);
  for (int i = 0; i < 6; ++i) {
    const auto& piece = scripts[random.below(scripts.size())];
    const int64_t at = utf8_cut(text, 0, static_cast<int64_t>(random.below(text.size() + 1)));
    text.insert(static_cast<size_t>(std::max<int64_t>(at, 0)), piece);
  }
  return text;
}

}  // namespace

TEST_CASE("every=N has a boundary after each N bytes of a segment", "[beyond]") {
  CHECK(levels_of("every=4", "abcdefghij") == std::vector<int32_t>{0, 0, 0, 1, 0, 0, 0, 1, 0, 0});
  CHECK(levels_of("every=1", "ab") == std::vector<int32_t>{1, 1});
  const Splitter splitter(parse_split("every=2,every=4", "test"), SplitMode::Causal);
  CHECK(splitter.levels({256, 'a', 'b', 'c', 'd', 'e', 257, 256, 'f', 'g'}) ==
        std::vector<int32_t>{0, 0, 1, 0, 2, 0, 0, 0, 0, 1});
}

TEST_CASE("chars=N counts characters and broken bytes", "[beyond]") {
  CHECK(levels_of("chars=2", "aé中b😀c") == std::vector<int32_t>{0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1});
  // the two bytes of a broken character are certain at the byte that breaks it: characters 1, 2, and 'a' is
  // the third
  CHECK(levels_of("chars=2",
                  "\xe2\x82"
                  "ab") == std::vector<int32_t>{0, 0, 1, 1});
  CHECK(levels_of("chars=1", "中\xe4\xb8") == std::vector<int32_t>{0, 0, 1, 0, 0});
}

TEST_CASE("space is SpaceByte's rule, byte by byte", "[beyond]") {
  // the first byte of a multi-byte character is spacelike, the others are not; of several in a row only the
  // first counts; the begin mark is spacelike
  CHECK(levels_of("space", "Hi, you 2!") == std::vector<int32_t>{0, 0, 1, 0, 0, 0, 0, 1, 0, 1});
  CHECK(levels_of("space", " a b") == std::vector<int32_t>{0, 0, 1, 0});
  CHECK(levels_of("space", "aéb é") == std::vector<int32_t>{0, 1, 0, 0, 1, 0, 0});
  RandomStream random(1, "space");
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<int32_t> bytes(1 + random.below(60));
    for (auto& byte : bytes) byte = static_cast<int32_t>(random.below(256));
    bytes[0] = 'x';                         // leading continuation bytes are outside of every segment
    const auto spacelike = [](int32_t b) {  // the paper's sentence, on a table of the 128 + 64 that are not
      static const std::string letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
      return letters.find(static_cast<char>(b)) == std::string::npos && !(b >= 128 && b < 192);
    };
    const auto levels = Splitter(parse_split("space", "test"), SplitMode::Causal).levels(bytes);
    for (size_t i = 1; i < bytes.size(); ++i)
      REQUIRE(levels[i] == (spacelike(bytes[i]) && !spacelike(bytes[i - 1]) ? 1 : 0));
  }
}

TEST_CASE("script=N cuts runs of scripts without spaces", "[beyond]") {
  CHECK(marked("script=2", "中文中文中") == "中|文中|文中");
  CHECK(marked("script=1", "中文") == "|中|文");
  CHECK(marked("script=3", "中文ひらカナ") == "中文|ひら|カナ");      // three scripts
  CHECK(marked("script=9", "カーひらー中々") == "カー|ひらー|中々");  // the length mark joins either kana
  CHECK(marked("script=9", "ab中文cd") == "ab|中文|cd");              // letters on both sides
  CHECK(marked("script=9", "ab 中文 cd") == "ab| 中文| cd");          // blanks end words and runs
  CHECK(marked("script=9", "中文。3字") == "中文|。|3字");            // word1's symbols and numbers
  CHECK(marked("script=2", "ไทย ABC def") == "ไ|ทย| ABC| def");
}

TEST_CASE("script=N is word1 where no such script is", "[beyond]") {
  RandomStream random(2, "script-word");
  for (int trial = 0; trial < 300; ++trial) {
    std::string text = random_text(random, 30, trial % 2 == 1);
    for (size_t at; (at = text.find("中")) != std::string::npos;) text.replace(at, 3, "x");
    REQUIRE(levels_of("script=2", text) == levels_of("word1=1@1", text));
  }
}

TEST_CASE("script sets come from Unicode", "[beyond]") {
  ScriptTable table;
  const auto names = [&](uint32_t code) {
    std::set<std::string> found;
    for (size_t s = 0; s < script_names().size(); ++s) {
      if (table.of(code) >> s & 1) found.insert(script_names()[s]);
    }
    return found;
  };
  CHECK(names(U'中') == std::set<std::string>{"Han"});
  CHECK(names(U'ー') == std::set<std::string>{"Hiragana", "Katakana"});
  CHECK(names(U'ж') == std::set<std::string>{"Cyrillic"});
  CHECK(names(U'\u0e31') == std::set<std::string>{"Thai"});  // a vowel mark
  CHECK(names(U'。').empty());
  CHECK(names(U'7').empty());
  CHECK((table.of(U'a') & kLetter) != 0);
  CHECK((table.of(U'。') & kLetter) == 0);
  for (size_t s = 0; s < script_names().size(); ++s) {
    const bool spaceless = (kSpacelessScripts >> s & 1) != 0;
    static const std::set<std::string> kExpected = {"Han",  "Bopomofo", "Hiragana", "Katakana",
                                                    "Thai", "Lao",      "Khmer",    "Myanmar"};
    CHECK(spaceless == kExpected.contains(script_names()[s]));
  }
}

TEST_CASE("rules beyond the paper never look ahead, in either mode and streamed", "[beyond]") {
  RandomStream random(3, "beyond-prefix");
  for (const auto& text_rule : kRules) {
    const auto rules = parse_split(text_rule, "test");
    const Splitter causal(rules, SplitMode::Causal), official(rules, SplitMode::Official);
    const bool all_beyond = text_rule.find("word") + text_rule.find("pretok") == 2 * std::string::npos;
    for (int trial = 0; trial < 60; ++trial) {
      const auto ids = to_ids(hostile_text(random, trial));
      const auto levels = causal.levels(ids);
      INFO(text_rule);
      if (all_beyond) REQUIRE(official.levels(ids) == levels);
      LevelStream stream(rules, SplitMode::Causal);
      for (size_t t = 0; t < ids.size(); ++t) {
        REQUIRE(stream.next(ids[t]) == levels[t]);
        const auto prefix = causal.levels({ids.begin(), ids.begin() + static_cast<int64_t>(t) + 1});
        REQUIRE(prefix.back() == levels[t]);
      }
    }
  }
}

TEST_CASE("a rule beyond the paper that is wrong is refused", "[beyond]") {
  for (const char* text :
       {"every=0", "every=", "every", "every=4@1", "chars=x", "script=-1", "space=3",
        "file=", "entropy=model", "entropy=model@x", "entropy=@1", "entropy=model@9", "bpe=ranks@"}) {
    INFO(text);
    CHECK_THROWS_AS(parse_split(text, "--strategy"), ConfigError);
  }
  for (const char* text : {"space", "every=4", "chars=2", "script=3", "file=a b.jsonl", "bpe=x.tiktoken",
                           "bpe=a@b.tiktoken@cl100k_base", "entropy=m.bin@1.5", "space,every=16"}) {
    INFO(text);
    CHECK(to_string(parse_split(text, "--strategy")) == text);
  }
}

}  // namespace aunet
