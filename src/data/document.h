// Documents in memory: JSONL files, plain or .zst, one {"text": ...} object a line, UTF-8 or not.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/run_config.h"

namespace aunet {

struct Corpus {
  std::string bytes;              // all texts, one after the other
  std::vector<uint64_t> offsets;  // [n_documents + 1]
  std::vector<uint16_t> source;   // [n_documents] index into the sources
  std::string fingerprint;        // hash of texts, borders, sources and weights; not of paths or compression
  int64_t n_documents() const { return static_cast<int64_t>(offsets.size()) - 1; }
  std::string_view text(int64_t document) const {
    return std::string_view(bytes).substr(offsets[document], offsets[document + 1] - offsets[document]);
  }
};

/// Text bytes of each source: what an epoch of it is.
std::vector<int64_t> source_bytes(const Corpus& corpus);

/// Share of the training bytes that each source gets; they sum to 1. Weights over their sum; where no source
/// has a weight (0), sizes over theirs, so that all of them are read equally often. Throws BugError when some
/// have one and some have none: the reader of the configuration refuses that.
std::vector<double> source_shares(const Corpus& corpus, const std::vector<SourceConfig>& sources);

/// Reads every source in order. Empty texts are skipped. A broken line, a missing "text", invalid JSON or an
/// empty file: ConfigError `file:line: ...`; a truncated .zst: Error. Text that is not valid UTF-8 cannot
/// occur in valid JSON: such a line is a ConfigError that names the byte; lone surrogate escapes become
/// U+FFFD (counted and logged once).
Corpus read_corpus(const std::vector<SourceConfig>& sources);
Corpus read_corpus(const std::vector<std::string>& paths);

}  // namespace aunet
