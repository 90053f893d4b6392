#include "sweep/window_sums.h"

#include "core/error.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace aunet {

namespace {

constexpr size_t kTerms = 4;  // of a Workload, per stage

Workload scaled(const Workload& work, double factor) {
  Workload result = work;
  for (auto* terms : {&result.rows, &result.pairs, &result.paper_pairs, &result.unit_targets})
    for (double& value : *terms) value *= factor;
  return result;
}

}  // namespace

WindowSums::WindowSums(const FamilySpec& family, uint64_t data_seed, const FactsProvider& facts,
                       const ModelConfig& sized)
    : family_(family), data_seed_(data_seed), provider_(facts) {
  family_.base = sized;
  facts_ = &provider_(family_, data_seed_, 1);
  n_stages_ = static_cast<size_t>(facts_->n_stages);
  sums_.assign(kTerms * n_stages_, 0);
  bytes_.assign(1, 0);
  if (facts_->declared)
    one_ = sequence_workload(family_.base, rows(0));
  else
    cover(1);
}

const DataFacts& WindowSums::facts() const { return *facts_; }

bool WindowSums::can_cut() const { return facts_->declared || facts_->cut_rows; }

int64_t WindowSums::covered() const {
  return facts_->declared ? std::numeric_limits<int64_t>::max() : static_cast<int64_t>(bytes_.size()) - 1;
}

std::vector<int64_t> WindowSums::rows(int64_t window) const {
  const auto first = facts_->rows.begin() + window * facts_->n_stages;
  return {first, first + facts_->n_stages};
}

void WindowSums::append(int64_t window) {
  const Workload one = sequence_workload(family_.base, rows(window));
  const size_t last = sums_.size() - kTerms * n_stages_;
  for (size_t k = 0; k < n_stages_; ++k) {
    const double unit_targets = one.unit_targets.empty() ? 0 : one.unit_targets[k];
    sums_.push_back(sums_[last + kTerms * k] + one.rows[k]);
    sums_.push_back(sums_[last + kTerms * k + 1] + one.pairs[k]);
    sums_.push_back(sums_[last + kTerms * k + 2] + one.paper_pairs[k]);
    sums_.push_back(sums_[last + kTerms * k + 3] + unit_targets);
  }
  const double bytes = facts_->text_bytes[static_cast<size_t>(window)];
  bytes_.push_back(bytes_.back() + bytes);
  const size_t n_sources = facts_->source_bytes.size();
  if (n_sources < 2) return;
  if (drawn_.empty()) drawn_.assign(n_sources, 0);
  for (size_t s = 0; s < n_sources; ++s) drawn_.push_back(drawn_[drawn_.size() - n_sources]);
  drawn_[drawn_.size() - n_sources + facts_->window_source[static_cast<size_t>(window)]] += bytes;
}

void WindowSums::cover(int64_t n_windows) {
  if (n_windows <= covered()) return;
  facts_ = &provider_(family_, data_seed_, n_windows);
  const auto known = static_cast<int64_t>(facts_->text_bytes.size());
  require(known >= n_windows && static_cast<int64_t>(facts_->rows.size()) >= n_windows * facts_->n_stages,
          "facts: fewer windows than asked for");
  while (covered() < n_windows) append(covered());
}

Workload WindowSums::work(int64_t n_windows) const {
  if (facts_->declared) return scaled(one_, static_cast<double>(n_windows));
  require(n_windows <= covered(), "WindowSums::work: windows not covered");
  Workload work;
  const double* sum = sums_.data() + static_cast<size_t>(n_windows) * kTerms * n_stages_;
  for (size_t k = 0; k < n_stages_; ++k) {
    work.rows.push_back(sum[kTerms * k]);
    work.pairs.push_back(sum[kTerms * k + 1]);
    work.paper_pairs.push_back(sum[kTerms * k + 2]);
    work.unit_targets.push_back(sum[kTerms * k + 3]);
  }
  return work;
}

double WindowSums::text_bytes(int64_t n_windows) const {
  if (!facts_->declared) return bytes_[static_cast<size_t>(n_windows)];
  // a BPE window is a whole number of tokens, and tokens x bytes per token is what the paper calls its bytes
  const double window =
      family_.kind == "llama" ? facts_->rows[0] * facts_->bytes_per_token : facts_->text_bytes[0];
  return window * static_cast<double>(n_windows);
}

std::vector<double> WindowSums::source_bytes(int64_t n_windows) const {
  if (facts_->declared) return {};
  if (drawn_.empty()) return {text_bytes(n_windows)};
  require(n_windows <= covered(), "WindowSums::source_bytes: windows not covered");
  const auto n_sources = static_cast<int64_t>(facts_->source_bytes.size());
  const auto first = drawn_.begin() + n_windows * n_sources;
  return {first, first + n_sources};
}

Workload WindowSums::cut(int64_t window, int64_t max_text_bytes) const {
  require(can_cut(), "WindowSums::cut: the data cannot be cut inside a window");
  if (!facts_->declared) return sequence_workload(family_.base, facts_->cut_rows(window, max_text_bytes));
  std::vector<int64_t> cut_rows = rows(0);
  const double share = static_cast<double>(max_text_bytes) / facts_->text_bytes[0];
  for (int64_t& n : cut_rows) n = std::llround(static_cast<double>(n) * share);
  return sequence_workload(family_.base, cut_rows);
}

}  // namespace aunet
