// Rules that read files: boundaries written down, and the entropies of an n-gram model.
#include "data/utf8.h"
#include "config/rule_file.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "data/entropy_model.h"
#include "data/split_rules.h"
#include "tests/core/temporary_folder.h"
#include "tests/data/fixtures.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <map>
#include <set>

namespace aunet {
namespace {

using Catch::Matchers::Contains;

/// p(next | context) straight from the formula of data/entropy_model.h, counting anew each time.
double probability(const std::string& text, size_t first, std::string_view context, uint8_t next) {
  std::map<uint8_t, double> count;
  double total = 0;
  for (size_t i = first; i < text.size(); ++i) {
    if (i < context.size() || text.compare(i - context.size(), context.size(), context) != 0) continue;
    ++count[static_cast<uint8_t>(text[i])];
    ++total;
  }
  const double shorter = context.empty() ? 1.0 / 256 : probability(text, first, context.substr(1), next);
  if (!context.empty() && total < EntropyModel::kMinSeen) return shorter;
  const auto distinct = static_cast<double>(count.size());
  return (count[next] + distinct * shorter) / (total + distinct);
}

double entropy(const std::string& text, size_t first, std::string_view context) {
  double bits = 0, sum = 0;
  for (int b = 0; b < 256; ++b) {
    const double p = probability(text, first, context, static_cast<uint8_t>(b));
    bits -= p * std::log2(p);
    sum += p;
  }
  REQUIRE(sum == Approx(1));
  return bits;
}

const std::string kText = "the cat sat on the mat; the other cat sat on the hat. \xc3\xa9t\xc3\xa9 \xff";

std::vector<float> entropies(const EntropyModel& model, const std::string& text) {
  EntropyModel::Context context;
  std::vector<float> bits;
  for (const char c : text) bits.push_back(model.next(context, static_cast<uint8_t>(c)));
  return bits;
}

}  // namespace

TEST_CASE("entropies are those of the Witten-Bell formula", "[file_rules]") {
  for (const int order : {1, 2, 3, 5}) {
    const auto model = EntropyModel::train(kText, order);
    const auto first = static_cast<size_t>(order - 1);
    CHECK(model.first() == Approx(entropy(kText, first, "")));
    const std::string other = "the rat sat on that hat, o \xc3\xa9 zq";
    const auto bits = entropies(model, other);
    for (size_t i = 0; i < other.size(); ++i) {
      const size_t n = std::min(i + 1, first);
      INFO("order " << order << " byte " << i);
      REQUIRE(bits[i] ==
              Approx(entropy(kText, first, std::string_view(other).substr(i + 1 - n, n))).epsilon(1e-5));
    }
  }
}

TEST_CASE("an entropy model comes back from its file, and a damaged file does not", "[file_rules]") {
  const TemporaryFolder folder;
  const std::string path = folder.path + "/model.entropy";
  const auto model = EntropyModel::train(kText + kText, EntropyModel::kMaxOrder);
  model.save(path);
  const auto loaded = EntropyModel::load(path);
  CHECK(loaded.order() == EntropyModel::kMaxOrder);
  CHECK(loaded.n_contexts() == model.n_contexts());
  CHECK(entropies(loaded, kText) == entropies(model, kText));
  CHECK(loaded.first() == model.first());
  const std::string good = read_file(path);
  for (const size_t at : {size_t{0}, size_t{40}, good.size() / 2, good.size() - 1}) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    write_file_atomic(path, bad);
    CHECK_THROWS_WITH(EntropyModel::load(path), Contains(path));
  }
  write_file_atomic(path, good.substr(0, good.size() - 5));
  CHECK_THROWS_AS(EntropyModel::load(path), Error);
  CHECK_THROWS_AS(EntropyModel::train(kText, 9), ConfigError);
  CHECK_THROWS_AS(EntropyModel::train("ab", 3), ConfigError);
}

TEST_CASE("entropy puts the boundary on the byte before the hard one", "[file_rules]") {
  const TemporaryFolder folder;
  const std::string path = folder.path + "/model.entropy";
  // after 'x' anything may follow, after the others one byte only
  std::string text;
  RandomStream random(1, "hard");
  for (int i = 0; i < 3000; ++i) text += "abx" + std::string(1, static_cast<char>('c' + random.below(20)));
  EntropyModel::train(text, 2).save(path);
  const auto levels = [&](double threshold, const std::string& piece) {
    return Splitter(parse_split(fmt::format("entropy={}@{}", path, threshold), "test"), SplitMode::Causal)
        .levels(to_ids(piece));
  };
  CHECK(levels(2, "abxgabxh") == std::vector<int32_t>{0, 0, 1, 0, 0, 0, 1, 0});
  CHECK(levels(0, "abxg") == std::vector<int32_t>{1, 1, 1, 1});
  CHECK(levels(8, "abxg") == std::vector<int32_t>{0, 0, 0, 0});
  const auto bits = entropies(EntropyModel::load(path), text);
  const auto all = levels(0.3, text);
  for (size_t i = 0; i < text.size(); ++i) REQUIRE(all[i] == (bits[i] > 0.3 ? 1 : 0));
}

TEST_CASE("boundaries from a file are found for every piece of its documents", "[file_rules]") {
  const TemporaryFolder folder;
  const std::string path = folder.path + "/ends.jsonl";
  RandomStream random(2, "file-rule");
  std::vector<std::string> texts;
  std::vector<std::set<size_t>> ends;
  std::string file;
  for (int d = 0; d < 20; ++d) {
    std::string text;
    while (text.size() < 100u * static_cast<size_t>(d + 1)) text += random_text(random, 5, false);
    std::set<size_t> at;
    for (size_t i = 0; i < text.size(); ++i) {
      if (random.below(5) == 0) at.insert(i);
    }
    file += nlohmann::json{{"text", text}, {"ends", at}, {"source", "made up"}}.dump() + "\n";
    texts.push_back(text);
    ends.push_back(at);
  }
  write_file_atomic(path, file);
  const Splitter splitter(parse_split("file=" + path, "test"), SplitMode::Official);
  CHECK(splitter.from_file());
  for (int trial = 0; trial < 300; ++trial) {
    const size_t d = random.below(texts.size());
    const auto n = static_cast<int64_t>(texts[d].size());
    const int64_t begin = utf8_cut(texts[d], 0, static_cast<int64_t>(random.below(static_cast<uint64_t>(n))));
    const int64_t end = utf8_cut(texts[d], begin, begin + 200 + static_cast<int64_t>(random.below(600)));
    if (end - begin < 100) continue;  // a shorter piece may well occur twice
    const auto piece =
        std::string_view(texts[d]).substr(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
    const auto levels = splitter.levels(to_ids(piece));
    for (size_t i = 0; i < piece.size(); ++i)
      REQUIRE(levels[i] == (ends[d].contains(static_cast<size_t>(begin) + i) ? 1 : 0));
  }
  CHECK(splitter.levels({256, 257}) == std::vector<int32_t>{0, 0});
  CHECK_THROWS_WITH(splitter.levels(to_ids("this text is nowhere in that file, however long it goes on")),
                    Contains(path) && Contains("that begin with 'this text is nowhere"));
  CHECK_THROWS_AS(splitter.levels(to_ids("#?#")), ConfigError);
  std::string across = texts[3].substr(texts[3].size() - 60) + texts[4].substr(0, 60);  // two documents
  if (!is_continuation(static_cast<uint8_t>(across[0])))
    CHECK_THROWS_AS(splitter.levels(to_ids(across)), ConfigError);
}

TEST_CASE("boundaries from a file are refused in causal mode and in a broken file", "[file_rules]") {
  const TemporaryFolder folder;
  const std::string path = folder.path + "/ends.jsonl";
  const auto build = [&](const std::string& line, SplitMode mode = SplitMode::Official) {
    write_file_atomic(path, "{\"text\": \"one\", \"ends\": [2]}\n" + line + "\n");
    return Splitter(parse_split("file=" + path, "test"), mode);
  };
  CHECK_THROWS_WITH(build("{\"text\": \"two\", \"ends\": []}", SplitMode::Causal),
                    Contains("may look ahead"));
  CHECK_THROWS_WITH(build("{\"text\": \"two\"}"),
                    path + ":2: ends: expected an array of byte offsets, got nothing");
  CHECK_THROWS_WITH(build("{\"text\": \"two\", \"ends\": [1, 1]}"), Contains(path + ":2: ends[1]: "));
  CHECK_THROWS_WITH(build("{\"text\": \"two\", \"ends\": [3]}"), Contains("below the text's 3 bytes, got 3"));
  CHECK_THROWS_WITH(build("{\"text\": \"two\", \"ends\": [-1]}"), Contains("got -1"));
  CHECK_NOTHROW(build("{\"text\": \"two\", \"ends\": []}"));
}

TEST_CASE("a rule's file is known by its content", "[file_rules]") {
  const TemporaryFolder folder;
  const std::string path = folder.path + "/model.entropy";
  EntropyModel::train(kText, 3).save(path);
  auto rules = parse_split("word1=1@1,entropy=model.entropy@1.5", "test");
  resolve_rule_files(rules, folder.path, {}, "test");
  CHECK(rule_fingerprints(rules) == std::vector<std::string>{"", hash_hex(read_file(path))});
  CHECK(to_string(rules) == "word1=1@1,entropy=" + path + "@1.5");
  CHECK(to_string(without_paths(rules)) == "word1=1@1,entropy=" + hash_hex(read_file(path)) + "@1.5");
  CHECK_NOTHROW(Splitter(rules, SplitMode::Causal));
  EntropyModel::train(kText, 2).save(path);
  CHECK_THROWS_WITH(Splitter(rules, SplitMode::Causal), Contains(path) && Contains("was planned with"));
  remove_tree(path);
  CHECK_THROWS_WITH(Splitter(rules, SplitMode::Causal), Contains("no such file"));
  auto resolved = parse_split("entropy=model.entropy@1.5", "test");
  CHECK_NOTHROW(resolve_rule_files(resolved, folder.path, {"0123"}, "test"));
  CHECK(resolved[0].fingerprint == "0123");
  CHECK_THROWS_WITH(resolve_rule_files(rules = parse_split("bpe=none", "x"), folder.path, {}, "here"),
                    Contains("here: expected the file of rule 'bpe', got no such file"));
}

}  // namespace aunet
