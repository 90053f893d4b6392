#include "data/contamination.h"

#include "core/error.h"
#include "core/file.h"
#include "data/corpus_report.h"
#include "tests/data/fixtures.h"
#include "tests/support/shared_data.h"

#include <cctype>
#include <set>

namespace aunet {
namespace {

/// The same question, asked of strings: ASCII only.
std::set<std::string> grams_of(const std::string& text, size_t n) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)))
      words.back() += static_cast<char>(std::tolower(c));
    else if (!words.back().empty())
      words.emplace_back();
  }
  if (words.back().empty()) words.pop_back();
  std::set<std::string> grams;
  for (size_t i = 0; i + n <= words.size(); ++i) {
    std::string gram;
    for (size_t k = 0; k < n; ++k) gram += words[i + k] + " ";
    grams.insert(gram);
  }
  return grams;
}

std::string random_words(RandomStream& random, int64_t n) {
  static const std::vector<std::string> words = {"the", "Cat", "sat", "ON", "a", "mat", "1", "2nd"};
  static const std::vector<std::string> between = {" ", ", ", ".\n", " -- ", "\t"};
  std::string text;
  for (int64_t i = 0; i < n; ++i)
    text += words[random.below(words.size())] + between[random.below(between.size())];
  return text;
}

}  // namespace

TEST_CASE("items and their n-grams in a corpus are those that a search in strings finds", "[data]") {
  RandomStream random(4, "contamination");
  for (int round = 0; round < 30; ++round) {
    const size_t n = 1 + random.below(6);
    std::vector<std::string> texts;
    for (int d = 0; d < 6; ++d) texts.push_back(random_words(random, static_cast<int64_t>(random.below(40))));
    std::vector<BenchmarkItem> items;
    for (int i = 0; i < 20; ++i)
      items.push_back(
          {i + 1, {random_words(random, static_cast<int64_t>(random.below(12))), random_words(random, 3)}});
    ContaminationScan scan(static_cast<int64_t>(n));
    scan.add("items", items);
    const auto reports = scan.scan(Corpus::of(texts));
    REQUIRE(reports.size() == 1);
    std::vector<std::set<std::string>> held;
    for (const std::string& text : texts) held.push_back(grams_of(text, n));
    size_t next = 0;
    int64_t too_short = 0;
    for (const BenchmarkItem& item : items) {
      std::set<std::string> grams;
      for (const std::string& text : item.texts) grams.merge(grams_of(text, n));
      int64_t found = 0, first = -1;
      for (const std::string& gram : grams) {
        for (int64_t d = 0; d < 6; ++d) {
          if (!held[static_cast<size_t>(d)].count(gram)) continue;
          ++found;
          if (first < 0 || d < first) first = d;
          break;
        }
      }
      too_short += grams.empty();
      if (found == 0) continue;
      REQUIRE(next < reports[0].found.size());
      const ContaminatedItem& dirty = reports[0].found[next++];
      CHECK(dirty.line == item.line);
      CHECK(dirty.grams == std::ssize(grams));
      CHECK(dirty.found == found);
      CHECK(dirty.document == first);
    }
    CHECK(next == reports[0].found.size());
    CHECK(reports[0].too_short == too_short);
  }
}

TEST_CASE("words are letters and digits of any script; case counts for nothing in ASCII", "[data]") {
  const auto n_found = [](const std::string& item, const std::string& text) {
    ContaminationScan scan(2);
    scan.add("x", {{1, {item}}});
    return scan.scan(Corpus::of({text}))[0].found.size();
  };
  CHECK(n_found("Caf\u00e9 \u4e2d\u6587", "...caf\u00e9, \u4e2d\u6587!") == 1);
  CHECK(n_found("caf\u00e9 a", "cafe a") == 0);
  CHECK(n_found("one two", "one\xe2\x80\x94two") == 1);
  CHECK(n_found("one two", "onetwo") == 0);
  CHECK(n_found("one", "one one") == 0);
}

TEST_CASE("items of each file form", "[data]") {
  const ScratchFolder folder;
  write_file_atomic(folder.file("a.jsonl"),
                    "{\"q\": \"one\", \"choices\": [\"two\", {\"t\": \"three\"}], \"n\": 4}\n\"five\"\n");
  const auto jsonl = read_benchmark(folder.file("a.jsonl"));
  REQUIRE(jsonl.size() == 2);
  CHECK(std::set<std::string>(jsonl[0].texts.begin(), jsonl[0].texts.end()) ==
        std::set<std::string>{"one", "two", "three"});
  CHECK(jsonl[1].texts == std::vector<std::string>{"five"});
  write_file_atomic(folder.file("b.json"),
                    "{\"canary\": \"x\",\n \"examples\": [{\"input\": \"i\"}, {\"input\": \"j\"}]}\n");
  REQUIRE(read_benchmark(folder.file("b.json")).size() == 2);
  CHECK(read_benchmark(folder.file("b.json"))[1].texts == std::vector<std::string>{"j"});
  write_file_atomic(folder.file("c.csv"), "a,b\n\"two\n\nlines\",c\nd,e\n");
  const auto csv = read_benchmark(folder.file("c.csv"));
  REQUIRE(csv.size() == 3);
  CHECK(csv[1].texts[0] == "\"two\n\nlines\",c");
  CHECK(csv[2].line == 5);
  write_file_atomic(folder.file("d.jsonl"), "{}\n{broken\n");
  CHECK_THROWS_WITH(read_benchmark(folder.file("d.jsonl")),
                    Catch::EndsWith("d.jsonl:2: expected JSON, got invalid JSON"));
  write_file_atomic(folder.file("e.json"), "{\"a\": 1}");
  CHECK_THROWS_WITH(read_benchmark(folder.file("e.json")),
                    Catch::EndsWith("e.json: expected an array of items, got none"));
}

TEST_CASE("a corpus report counts what is there", "[data]") {
  const CorpusReport report = describe(Corpus::of({"abc", "\u4e2d\u6587 a1", "abc", std::string(100, '.')}));
  CHECK(report.documents == 4);
  CHECK(report.bytes == 3 + 9 + 3 + 100);
  CHECK(report.characters == 3 + 5 + 3 + 100);
  CHECK(report.lengths.front() == std::pair<double, int64_t>{0, 3});
  CHECK(report.lengths.back() == std::pair<double, int64_t>{1, 100});
  CHECK(report.repeated == 1);
  CHECK(report.repeated_bytes == 3);
  REQUIRE(report.scripts.size() == 2);
  CHECK(report.scripts[0].first == "Latin");
  CHECK(report.scripts[0].second == Approx(7.0 / 9));
  CHECK(report.scripts[1].first == "Han");
  CHECK(report.letters == Approx(9.0 / 111));
  CHECK(units_per_byte(Corpus::of({"abcdefgh", "ab"}), parse_split("every=2,every=4", "x"),
                       SplitMode::Causal)[0] == Approx(0.5));
  CHECK(bytes_per_token(Corpus::of({"abcdefgh", "ab"}), *make_byte_tokenizer()) == Approx(1));
}

}  // namespace aunet
