#include "data/corpus_report.h"

#include "data/scripts.h"
#include "data/split_rules.h"
#include "data/utf8.h"

#include <algorithm>
#include <map>
#include <unordered_set>

namespace aunet {
namespace {

constexpr double kQuantiles[] = {0, 0.1, 0.5, 0.9, 0.99, 1};

std::string script_of(uint32_t scripts) {
  for (size_t s = 0; s < script_names().size(); ++s) {
    if (scripts & (1u << s)) return script_names()[s];
  }
  return "Other";
}

void add_lengths(const Corpus& corpus, CorpusReport& report) {
  std::vector<int64_t> lengths;
  for (int64_t d = 0; d < corpus.n_documents(); ++d) lengths.push_back(corpus.size(d));
  std::sort(lengths.begin(), lengths.end());
  for (const double q : kQuantiles) {
    if (lengths.empty()) break;
    const auto at = static_cast<size_t>(q * static_cast<double>(lengths.size() - 1) + 0.5);
    report.lengths.emplace_back(q, lengths[at]);
  }
}

void add_repeated(const Corpus& corpus, CorpusReport& report) {
  std::unordered_set<uint64_t> seen;
  for (int64_t d = 0; d < corpus.n_documents(); ++d) {
    if (seen.insert(corpus.text_hash(d)).second) continue;
    ++report.repeated;
    report.repeated_bytes += corpus.size(d);
  }
}

void add_scripts(const Corpus& corpus, CorpusReport& report) {
  ScriptTable table;
  std::map<uint32_t, int64_t> counts;  // by script set
  Utf8Decoder decoder;
  for (int64_t d = 0; d < corpus.n_documents(); ++d) {
    for (const char byte : corpus.text(d)) {  // valid: the sources refuse other text
      if (decoder.feed(static_cast<uint8_t>(byte)) != Utf8Decoder::Step::Character) continue;
      ++report.characters;
      if (const uint32_t scripts = table.of(decoder.code())) ++counts[scripts];
    }
  }
  std::map<std::string, int64_t> by_name;
  int64_t letters = 0;
  for (const auto& [scripts, count] : counts) {
    by_name[script_of(scripts)] += count;
    letters += count;
  }
  for (const auto& [name, count] : by_name)
    report.scripts.emplace_back(name, static_cast<double>(count) / static_cast<double>(letters));
  std::sort(report.scripts.begin(), report.scripts.end(),
            [](const auto& a, const auto& b) { return a.second > b.second; });
  if (report.characters > 0)
    report.letters = static_cast<double>(letters) / static_cast<double>(report.characters);
}

}  // namespace

CorpusReport describe(const Corpus& corpus) {
  CorpusReport report{.documents = corpus.n_documents(), .bytes = corpus.n_bytes()};
  add_lengths(corpus, report);
  add_repeated(corpus, report);
  add_scripts(corpus, report);
  return report;
}

std::vector<double> units_per_byte(const Corpus& corpus, const std::vector<SplitRule>& rules,
                                   SplitMode mode) {
  const Splitter splitter(rules, mode);
  std::vector<int64_t> units(rules.size(), 0);
  for (int64_t d = 0; d < corpus.n_documents(); ++d) {
    for (const int32_t level : splitter.levels(byte_ids(corpus.text(d)))) {
      for (int32_t k = 0; k < level; ++k) ++units[static_cast<size_t>(k)];
    }
  }
  std::vector<double> per_byte;
  for (const int64_t n : units)
    per_byte.push_back(static_cast<double>(n) / static_cast<double>(corpus.n_bytes()));
  return per_byte;
}

double bytes_per_token(const Corpus& corpus, const Tokenizer& tokenizer) {
  int64_t tokens = 0;
  std::vector<int32_t> ids;
  for (int64_t d = 0; d < corpus.n_documents(); ++d) {
    ids.clear();
    tokenizer.encode(corpus.text(d), ids);
    tokens += std::ssize(ids);
  }
  return static_cast<double>(corpus.n_bytes()) / static_cast<double>(tokens);
}

}  // namespace aunet
