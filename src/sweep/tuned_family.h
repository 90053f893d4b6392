// What a family learned from its tuning, and how it is carried to every cell of the grid.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "budget/laws.h"
#include "sweep/tuned_model.h"

namespace aunet {

/// A trial that has run: enough to plan the same cell again, whatever the grid has become.
struct RanTrial {
  std::string key;
  std::vector<int> steps;                        // one per axis of the family
  double loss_bpb = 0;                           // +inf: diverged
  std::vector<int64_t> dims, layers, head_dims;  // of its model; a transformer has one of each
  int64_t size_index = 0;
  ModelSetting setting;
  double lr = 0, weight_decay = 0;
  int64_t batch_windows = 0;
};

/// The optimum of one tuned budget: the vertex between the trials (sweep/vertex.h), on an axis with too few
/// trials the best one's own value.
struct TunedBudget {
  double budget_flops = 0;
  double lr = 0, batch_windows = 0, weight_decay = 0;
  ModelSetting model;
  bool interior = false;
  std::string ends;  // why not: "batch at one window", "after 13 trials"
  std::vector<RanTrial> trials;
};

struct TunedFamily {
  std::string family;
  std::vector<std::string> axes;     // in the order of the trials' steps
  std::vector<TunedBudget> budgets;  // ascending
  std::string law;                   // "fitted" | "paper": where the exponents come from
  SeedConfig seeds;                  // of the trials
  /// value(C) = coefficient C^exponent, C the cell's budget, in the sweep's convention.
  PowerLaw lr, batch_windows, weight_decay;

  bool has(const std::string& axis) const;
};

/// Sets the three laws from the tuned optima.
///
/// fitted  least squares of ln value on ln C over the tuned budgets (two or more)
/// paper   the exponents of the family's published law (rate -0.18; batch 0.32 for bytes, 0.23 for tokens;
///         weight decay 0, none is published), the coefficient by least squares
void fit_laws(TunedFamily& tuned, const std::string& kind);

/// Rate, batch, weight decay and model of a cell with this budget. The axes that are not tuned are empty. The
/// same law inside and outside of the tuned budgets, so that nothing kinks; model axes take the value of the
/// tuned budget that is nearest in the logarithm (the smaller one of two).
struct Carried {
  std::optional<double> lr, weight_decay;
  std::optional<int64_t> batch_windows;
  ModelSetting model;
  std::string source;       // "tuned at 2e10", "law fitted at 2e10 to 1e11", "tuned at 2e10, paper exponents"
  double from = 0, to = 0;  // budgets that the law stands on
  std::vector<std::string> warnings;  // tuned budgets whose optimum is not interior
};
Carried carry(const TunedFamily& tuned, double budget_flops);

/// "tuned at 2e10: lr 0.0312, 4 windows a step after 13 trials (interior)"
std::vector<std::string> describe(const TunedFamily& tuned);

/// `value` to six significant digits, so that the last bits of pow() never decide a run's key.
double rounded(double value);

}  // namespace aunet
