// Prefix sums of a family's training windows: what any size costs on the first n windows, without reading
// them again.
#pragma once

#include <cstdint>
#include <vector>

#include "sweep/plan.h"

namespace aunet {

/// Workload and text of the first n windows of one (family, data seed). Row counts do not depend on a model's
/// size and attention windows are the family's, so one object serves every size.
class WindowSums {
 public:
  /// `sized`: any size of the family; its widths do not matter. `facts` outlives the object.
  WindowSums(const FamilySpec& family, uint64_t data_seed, const FactsProvider& facts,
             const ModelConfig& sized);

  void cover(int64_t n_windows);           ///< asks for more windows when needed
  int64_t covered() const;                 ///< windows known; without end for declared data
  Workload work(int64_t n_windows) const;  ///< of windows [0, n_windows)
  double text_bytes(int64_t n_windows) const;
  /// Text bytes of windows [0, n_windows) per source of the training data; {} when the data are declared.
  std::vector<double> source_bytes(int64_t n_windows) const;
  /// Window `window` cut to at most max_text_bytes bytes of text.
  Workload cut(int64_t window, int64_t max_text_bytes) const;
  bool can_cut() const;
  const DataFacts& facts() const;

 private:
  void append(int64_t window);
  std::vector<int64_t> rows(int64_t window) const;

  FamilySpec family_;  // with `sized` as its base, so that providers see whole models
  uint64_t data_seed_;
  const FactsProvider& provider_;
  const DataFacts* facts_ = nullptr;
  size_t n_stages_ = 1;
  // [n_windows + 1, 4 * n_stages]: sums of a Workload's terms (budget/flops.h), stage by stage
  std::vector<double> sums_;
  std::vector<double> bytes_;  // [n_windows + 1]
  std::vector<double> drawn_;  // [n_windows + 1, n_sources] bytes of each source; empty with one source
  Workload one_;               // declared: every window
};

}  // namespace aunet
