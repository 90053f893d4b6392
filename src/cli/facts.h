// Measures what the planner must know of real text: corpora, tokenizers and row counts, each read once and
// cached.
#pragma once

#include <memory>
#include <string>

#include "sweep/plan.h"

namespace aunet {

/// Facts for the planner, from the corpora of one data section. Tokenizers trained on the way are kept under
/// `runs_root`/cache/tokenizers/FINGERPRINT.tiktoken, so that a second plan reads them instead of training
/// again.
class FactsCache {
 public:
  /// Reads the corpora on first use. Errors as read_corpus.
  FactsCache(const SweepData& data, std::string runs_root);
  ~FactsCache();
  FactsProvider provider();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace aunet
