#include "data/document.h"

#include "core/error.h"
#include "core/hash.h"
#include "core/log.h"
#include "data/jsonl.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <numeric>

namespace aunet {
namespace {

template <typename T>
std::string_view as_bytes(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

/// Weights enter as shares, so that 1:1 and 2:2 are the same mixture.
std::string hash_corpus(const Corpus& corpus, const std::vector<SourceConfig>& sources) {
  Hasher hasher;
  hasher.update(corpus.bytes);
  hasher.update(as_bytes(corpus.offsets));
  hasher.update(as_bytes(corpus.source));
  for (const double share : source_shares(corpus, sources)) hasher.update(fmt::format("{:.17g}\n", share));
  return hasher.hex();
}

int64_t read_source(const std::string& path, uint16_t index, Corpus& corpus) {
  int64_t n_surrogates = 0;
  const int64_t before = corpus.n_documents();
  std::string where;
  for_each_line(path, [&](std::string_view line, int64_t number) {
    where = fmt::format("{}:{}", path, number);
    n_surrogates += append_text_field(line, where, corpus.bytes);
    if (corpus.bytes.size() == corpus.offsets.back()) return;
    corpus.offsets.push_back(corpus.bytes.size());
    corpus.source.push_back(index);
  });
  if (corpus.n_documents() == before)
    throw ConfigError(fmt::format("{}: expected at least one document with text, got none", path));
  return n_surrogates;
}

}  // namespace

std::vector<int64_t> source_bytes(const Corpus& corpus) {
  std::vector<int64_t> bytes;
  for (int64_t d = 0; d < corpus.n_documents(); ++d) {
    bytes.resize(std::max<size_t>(bytes.size(), corpus.source[d] + size_t{1}), 0);
    bytes[corpus.source[d]] += static_cast<int64_t>(corpus.text(d).size());
  }
  return bytes;
}

std::vector<double> source_shares(const Corpus& corpus, const std::vector<SourceConfig>& sources) {
  std::vector<double> shares;
  for (const SourceConfig& source : sources) shares.push_back(source.weight);
  const auto n_weighted = std::count_if(shares.begin(), shares.end(), [](double w) { return w > 0; });
  require(n_weighted == 0 || n_weighted == std::ssize(shares),
          "corpus: some sources have weights, some none");
  if (n_weighted == 0) {
    const auto bytes = source_bytes(corpus);
    require(bytes.size() == shares.size(), "corpus: sources of corpus and configuration differ");
    shares.assign(bytes.begin(), bytes.end());
  }
  const double total = std::accumulate(shares.begin(), shares.end(), 0.0);
  for (double& share : shares) share /= total;
  return shares;
}

Corpus read_corpus(const std::vector<SourceConfig>& sources) {
  if (sources.empty()) throw ConfigError("data: expected at least one source, got none");
  if (sources.size() > std::numeric_limits<uint16_t>::max()) {
    throw ConfigError(fmt::format("data: expected at most 65535 sources, got {}", sources.size()));
  }
  Corpus corpus;
  corpus.offsets.push_back(0);
  int64_t n_surrogates = 0;
  for (size_t s = 0; s < sources.size(); ++s)
    n_surrogates += read_source(sources[s].path, static_cast<uint16_t>(s), corpus);
  if (n_surrogates > 0) log_warn(fmt::format("data: {} lone surrogate escapes read as U+FFFD", n_surrogates));
  corpus.fingerprint = hash_corpus(corpus, sources);
  return corpus;
}

Corpus read_corpus(const std::vector<std::string>& paths) {
  std::vector<SourceConfig> sources;
  for (const auto& path : paths) sources.push_back({path, 1});
  return read_corpus(sources);
}

}  // namespace aunet
