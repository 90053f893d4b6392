// Which items of a benchmark a training text holds: shared word n-grams.
//
// A text is read as its words: runs of letters and digits, ASCII letters in lower case, everything else a
// border. An n-gram is n words in a row. Source: 13-grams, Brown et al. 2020 (arXiv 2005.14165), appendix C.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/char_class.h"
#include "data/corpus.h"

namespace aunet {

/// What can be asked of a model: the strings of one line of a JSONL file, each on its own, so that an n-gram
/// never spans two fields; a record of a .csv; a line of any other text file; an element of the array of a
/// .json file.
struct BenchmarkItem {
  int64_t line = 0;  // of the file, or place in the array, from 1 on
  std::vector<std::string> texts{};
};

/// Items of a file (.jsonl, .json, other text; also .zst, .gz). Throws ConfigError `file:line: ...` for JSON
/// that is none, Error as ByteReader.
std::vector<BenchmarkItem> read_benchmark(const std::string& path);

struct ContaminatedItem {
  int64_t line = 0;
  int64_t grams = 0, found = 0;  // different n-grams of the item, and of them in the corpus
  int64_t document = 0;          // of the corpus, the first that holds one
};

struct ContaminationReport {
  std::string path{};
  int64_t items = 0;
  int64_t too_short = 0;                  // without an n-gram: nothing can be said of them
  std::vector<ContaminatedItem> found{};  // items with one n-gram at least in the corpus, by line
  /// Items of which this share of the n-grams is in the corpus.
  int64_t with_share(double share) const;
};

/// Collects the n-grams of benchmarks, then looks through a corpus once for all of them.
class ContaminationScan {
 public:
  /// Words in a row, from 1 on.
  explicit ContaminationScan(int64_t n);
  ~ContaminationScan();
  void add(const std::string& path, const std::vector<BenchmarkItem>& items);
  /// One report per added benchmark.
  std::vector<ContaminationReport> scan(const Corpus& corpus);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace aunet
