// What a corpus is made of: lengths, scripts, repetitions, and what split rules and tokenizers make of it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "config/split_rule.h"
#include "data/corpus.h"
#include "data/tokenizer.h"

namespace aunet {

struct CorpusReport {
  int64_t documents = 0, bytes = 0, characters = 0;
  std::vector<std::pair<double, int64_t>> lengths{};  // quantile, bytes of a document: 0, .1, .5, .9, .99, 1
  int64_t repeated = 0, repeated_bytes = 0;           // documents that are an earlier one byte for byte
  /// Share of the letters and marks, most first; "Other": another script.
  std::vector<std::pair<std::string, double>> scripts{};
  double letters = 0;  // share of the characters that are letters or marks
};

CorpusReport describe(const Corpus& corpus);

/// Units a byte of text on each stage above bytes, documents read whole, marks not counted.
std::vector<double> units_per_byte(const Corpus& corpus, const std::vector<SplitRule>& rules, SplitMode mode);

/// Bytes of text a token, documents read whole, marks not counted.
double bytes_per_token(const Corpus& corpus, const Tokenizer& tokenizer);

}  // namespace aunet
