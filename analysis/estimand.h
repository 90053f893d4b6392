// What a claim's test measures: one number over the runs of a sweep, with its uncertainty, or the reason why
// there is none. Positive favours the first family of the test.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/cells.h"
#include "analysis/estimate.h"
#include "config/claim.h"

namespace aunet {

/// The runs that entered at one budget.
struct BudgetCost {
  double budget = 0;  // FLOPs, the grid's
  double flops = 0;   // useful, spent by them
};

struct Measured {
  std::optional<Estimate> estimate;  // nullopt: see refusal
  std::string unit;
  int64_t n = 0;                  // pairs of cells, or shared budgets
  std::vector<BudgetCost> costs;  // budgets that all families of the test share, ascending
  std::string refusal, cure;
  std::vector<std::string> marks;  // what a reader must know
  double flops() const;            ///< spent at these budgets
};

struct MeasureOptions {
  int64_t replicates = 2000;
  uint64_t seed = 0;
};

/// log_multiplier        ln of the mean compute multiplier of a over b (compare_families, useful FLOPs); when
///                       no loss is shared, its bound, with an interval that is open on that side
/// log_multiplier_slope  d ln M / d ln C over the shared losses, from the same replicates
/// loss_difference       bits per byte of b minus a on `splits` (minus the same on `relative_to`): mean over
///                       cells paired by budget and size index, seeds of a cell paired by (init, data) and
///                       averaged first; Student's t over cells. With `minus`: that pair's difference taken
///                       off, cell by cell. A difference that varies with budget or size widens the interval:
///                       conservative for the mean over these cells
/// robustness            the same: loss_difference on corrupted text relative to clean text
/// transfer              the same in ln(bits per byte): scripts differ in bytes per character, and a ratio
///                       does not depend on that
/// Refuses               a family without runs, fewer than 3 paired cells, no or unequal evaluations, and
/// what
///                       compare_families refuses
Measured measure(const ClaimTest& test, const SweepCells& cells, const std::vector<EvalRow>& evals,
                 const MeasureOptions& options);

}  // namespace aunet
