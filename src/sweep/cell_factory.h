// One cell from a model, a budget and seeds: horizon, counts, and later rate and batch. Used by every role.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "sweep/horizon.h"
#include "sweep/plan.h"

namespace aunet {

/// Share of the tolerance that a horizon without a cut window may use up.
inline constexpr double kPreciseShare = 0.1;

/// Rate and batch of a cell, and why.
struct Hyper {
  double lr = 0;
  int64_t batch_windows = 0;
  std::string source;  // Cell::lr_source
  bool provisional = false;
  std::optional<double> weight_decay = {};  // tuned; else the sweep's
  std::vector<std::string> warnings = {};   // further ones of the cell
  int64_t warmup_steps = -1;  // of a run tree's cell: those of the tree's smallest budget; -1: its own
};

/// Sets the number of ids of a BPE family: a rank file says how many it has, not the sweep, so the data are
/// asked, once, before anything is sized. Throws ConfigError when neither knows.
void fill_vocabulary(FamilySpec& family, const SweepSpec& spec, const FactsProvider& facts);

class CellFactory {
 public:
  /// `spec` and `facts` outlive the factory.
  CellFactory(const SweepSpec& spec, const FactsProvider& facts);

  /// A cell that spends `budget_flops` (spec.budget.convention): everything but what rate and batch decide.
  /// Throws ConfigError naming the family when the budget cannot be met within the sweep's tolerance.
  Cell for_budget(const FamilySpec& family, const ModelConfig& model, double budget_flops, SeedConfig seeds);

  /// A cell whose units follow the paper's data-to-model ratio (family.data_ratio): units = ratio k^2 F bytes
  /// for byte models, ratio F tokens for BPE, F = paper FLOPs per unit (paper.md 2.1, 2.2), to the nearest
  /// window. Its budget is what it spends.
  Cell for_data_ratio(const FamilySpec& family, const ModelConfig& model, SeedConfig seeds);

  /// A cell over a given horizon (experiments). `budget_flops` 0: what it spends.
  Cell for_horizon(const FamilySpec& family, const ModelConfig& model, const Horizon& horizon,
                   double budget_flops, SeedConfig seeds);

  /// Sets rate and batch and all that follows: steps, key, memory, warnings.
  void finish(Cell& cell, const FamilySpec& family, const Hyper& hyper);

  /// Windows per step that come closest to `units` (text bytes for byte models, target units for BPE), at
  /// least one and at most the whole run. Uses the cell's own mean window, so it does not depend on other
  /// cells.
  int64_t windows_for_units(const Cell& cell, double units) const;
  int64_t windows_for_bytes(const Cell& cell, double bytes) const;

  /// Training FLOPs (useful) per text byte on the first windows of the data with the sweep's first data seed.
  double cost_per_byte(const FamilySpec& family, const ModelConfig& model);

  /// Inference FLOPs per text byte (budget/flops.h), on the same windows.
  double inference_per_byte(const FamilySpec& family, const ModelConfig& model);

  /// Training FLOPs of the first `steps` steps of a finished cell. Never more windows than it has.
  double prefix_flops(const FamilySpec& family, const Cell& cell, int64_t steps, Convention convention);

  WindowSums& sums(const FamilySpec& family, const ModelConfig& model, uint64_t data_seed);
  Convention convention() const { return convention_; }

 private:
  void fill_run(Cell& cell, const FamilySpec& family, const ModelConfig& model, SeedConfig seeds);
  void count(Cell& cell, const FamilySpec& family, const Horizon& horizon);

  const SweepSpec& spec_;
  const FactsProvider& facts_;
  Convention convention_;
  std::map<std::tuple<std::string, std::string, uint64_t>, std::unique_ptr<WindowSums>>
      sums_;  // by family, its variant and data seed
};

}  // namespace aunet
