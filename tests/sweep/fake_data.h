// Facts without text: windows with seeded random rows, the same for every test, that can be cut at any byte.
#pragma once

#include "core/random.h"
#include "sweep/plan.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace aunet {

/// About `context` bytes a window; AU-Net rows: bytes and marks, then a fifth, then two thirds of those; BPE:
/// a token per 3.5 bytes. `epoch_bytes`: size of the corpus.
class FakeData {
 public:
  explicit FakeData(int64_t context = 256, double epoch_bytes = 1e12)
      : context_(context), epoch_bytes_(epoch_bytes) {}

  FactsProvider provider() {
    return [this](const FamilySpec& family, uint64_t seed, int64_t n_windows) -> const DataFacts& {
      ++calls;
      DataFacts& facts = facts_[{family.name + "|" + family.variant, seed}];
      if (facts.train_fingerprint.empty()) start(facts, family);
      while (static_cast<int64_t>(facts.text_bytes.size()) < n_windows) append(facts, seed);
      return facts;
    };
  }

  int64_t calls = 0;

 private:
  void start(DataFacts& facts, const FamilySpec& family) const {
    const auto* aunet = std::get_if<AunetConfig>(&family.base);
    facts.n_stages = aunet != nullptr ? static_cast<int64_t>(aunet->split.size()) + 1 : 1;
    facts.bytes_per_token = family.kind == "llama" ? 3.5 : 1;
    facts.epoch_bytes = epoch_bytes_;
    facts.train_fingerprint = "fake-train";
    facts.heldout_fingerprint = "fake-heldout";
    if (family.kind == "llama") facts.tokenizer_fingerprint = "fake-bpe";
    facts.cut_rows = [&facts](int64_t window, int64_t max_text_bytes) {
      const auto w = static_cast<size_t>(window), n = static_cast<size_t>(facts.n_stages);
      std::vector<int64_t> rows;
      for (size_t k = 0; k < n; ++k)
        rows.push_back(std::max<int64_t>(1, facts.rows[w * n + k] * max_text_bytes / facts.text_bytes[w]));
      return rows;
    };
  }

  void append(DataFacts& facts, uint64_t seed) const {
    RandomStream random(seed, "window " + std::to_string(facts.text_bytes.size()));
    const auto below = [&](int64_t n) {
      return static_cast<int64_t>(random.below(static_cast<uint64_t>(n)));
    };
    const int64_t bytes = context_ - below(4);
    int64_t rows = facts.bytes_per_token > 1 ? bytes * 2 / 7 + below(9) : bytes + 1 + below(3);
    for (int64_t k = 0; k < facts.n_stages; ++k) {
      facts.rows.push_back(static_cast<int32_t>(rows));
      rows = k == 0 ? rows / 5 + below(10) : rows * 2 / 3;
    }
    facts.text_bytes.push_back(static_cast<int32_t>(bytes));
  }

  int64_t context_;
  double epoch_bytes_;
  std::map<std::pair<std::string, uint64_t>, DataFacts> facts_;
};

inline const LossLookup kNoLosses = [](const std::string&) { return std::optional<double>(); };

}  // namespace aunet
