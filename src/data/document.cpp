#include "data/document.h"

#include "core/error.h"
#include "core/hash.h"
#include "core/log.h"
#include "data/jsonl.h"

#include <fmt/format.h>

#include <limits>

namespace aunet {
namespace {

template <typename T>
std::string_view as_bytes(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

/// Weights enter as shares, so that 1:1 and 2:2 are the same mixture.
std::string hash_corpus(const Corpus& corpus, const std::vector<SourceConfig>& sources) {
  double total = 0;
  for (const auto& source : sources) total += source.weight;
  Hasher hasher;
  hasher.update(corpus.bytes);
  hasher.update(as_bytes(corpus.offsets));
  hasher.update(as_bytes(corpus.source));
  for (const auto& source : sources) hasher.update(fmt::format("{:.17g}\n", source.weight / total));
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
