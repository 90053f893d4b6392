// The compute multiplier of family A over family B: M(C) = C_B(L_A(C)) / C, the factor by which B must spend
// more than A for A's loss. M > 1: A needs less. Inside the data only; what the data cannot say is censored
// or refused in words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/bootstrap.h"
#include "analysis/frontier.h"

namespace aunet {

struct CompareOptions {
  Cost cost = Cost::Useful;
  int64_t replicates = 2000;
  uint64_t seed = 0;
};

/// M at one budget of A. An end that is `open` lies beyond the data: low is then "below", high "above" that
/// value.
struct MultiplierPoint {
  double budget = 0;
  double cost = 0;        // of A's best cell there, in the unit of CompareOptions::cost
  double loss = 0;        // L_A there, on its curve
  double multiplier = 0;  // when censored: the bound
  int censored = 0;       // +1: at least `multiplier` (B never reaches the loss), -1: at most (B always has)
  Interval interval;
  bool low_open = false, high_open = false;
};

/// What one family contributed.
struct FamilyCurve {
  std::string family;
  std::vector<EnvelopePoint> envelope;
  std::vector<double>
      dropped_budgets;  // best size at the edge of the sizes tried: the loss there is only a bound
  CurveFit fit;
  bool in_trees = false;  // some of its runs share a stable phase
};

/// What the headline becomes when one cell is left out.
struct Influence {
  std::string family, dims;
  double budget = 0;
  double multiplier = 0;
  bool flips = false;  // the other family wins then
};

struct Comparison {
  std::string family_a, family_b;
  Cost cost = Cost::Useful;
  std::string refusal;  // "" when the data support a number
  std::string cure;     // what run would help, when refused
  FamilyCurve a, b;
  double noise_sd = 0;  // of a cell's log loss, as used by the replicates
  double noise_freedom = 0;
  std::string
      noise_source;  // "seed noise from replicates", "seed noise assumed", "scatter around the curves"
  std::vector<MultiplierPoint> points;
  /// The headline: geometric mean of C_B(L) / C_A(L) over `losses`. Inside the data of both; comparing B with
  /// A instead gives exactly the inverse.
  std::optional<double> mean;
  Interval mean_interval;
  /// d ln M / d ln C by least squares over `losses`, C = sqrt(C_A C_B): above 0, A gains with compute.
  /// Comparing B with A gives exactly the negative.
  std::optional<double> slope;
  /// No loss that both reach: ln M is at most this when it is negative (A is worse at its largest budget than
  /// B at its smallest), at least this when it is positive. log_mean_draws then hold the replicates' bounds,
  /// every second one at infinity on the open side, and what replicates with shared losses give.
  std::optional<double> log_bound;
  /// Of every replicate that was not refused: ln of the mean M, and the slope. Infinite: out of the drawn
  /// curves' reach; such replicates stand at both ends alike.
  std::vector<double> log_mean_draws, slope_draws;
  std::vector<double> losses;  // nine, evenly spaced in log loss over what both curves cover; descending
  std::optional<double> mean_without_largest;  // the largest budget of each family left out
  std::vector<Influence> influence;  // cells whose removal moves ln M most, at most 5, and all that flip
  int64_t replicates = 0, replicates_refused = 0;
  std::vector<std::string> warnings;
};

/// Compares two families of a sweep.
///
/// Curves    best size of each budget, then fit_curve (loss_curve.h). Budgets whose best size is at the edge
/// are left out. Interval  parametric bootstrap over cells: every cell's log loss gets normal noise (sd /
/// sqrt(seeds)), the best size is
///           selected anew, both curves are fitted anew, form included; percentiles. The sd is that between
///           seeds (or its prior), or the scatter of the envelopes around their curves where that is clearly
///           larger, and is itself redrawn from its chi-square distribution. Redrawing cells with
///           replacement, as for surfaces, would bias a minimum. Noise is independent between families:
///           conservative when they share the data order.
/// Refuses   no finished runs, fewer than 3 budgets in common or left after edge optima, curves that do not
/// fall, no loss that both reach
///           or shared losses over less than a factor 2 of compute, different held-out bytes
Comparison compare_families(const SweepCells& sweep, const std::string& family_a, const std::string& family_b,
                            const CompareOptions& options);

/// The same question put to the surfaces L(N, D): an independent check that uses every cell instead of the
/// best ones. Only useful FLOPs. Bootstrap: cells redrawn within budgets, the same draws of (budget, rank of
/// size) in both families.
struct SurfaceComparison {
  std::string refusal;
  ChinchillaFit a, b;
  std::optional<double> mean;  // geometric mean of C_B(L) / C_A(L) over the losses given
  Interval interval;
  int64_t replicates = 0, refused = 0;
};
SurfaceComparison compare_surfaces(const SweepCells& sweep, const std::string& family_a,
                                   const std::string& family_b, const std::vector<double>& losses,
                                   int64_t replicates, uint64_t seed);

}  // namespace aunet
