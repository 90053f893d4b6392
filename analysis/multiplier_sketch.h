// A family reduced to what a bootstrap replicate touches, and what a comparison reads off two of them.
// Internal to the multiplier.
#pragma once

#include <optional>
#include <vector>

#include "analysis/cells.h"
#include "analysis/loss_curve.h"
#include "core/random.h"

namespace aunet {

/// Per kept budget the sizes' cost, log loss and seeds.
struct Sketch {
  struct Size {
    double cost, log_loss;
    double noise_scale;  // 1 / sqrt(seeds)
    const SizeCell* cell;
    std::vector<size_t> trees{};  // of its seeds' runs that belong to one, as indices below n_trees
  };
  struct Budget {
    double budget;
    std::vector<Size> sizes;
  };
  std::vector<Budget> budgets;
  size_t n_trees = 0;
};

/// Runs of one run tree share the initial weights and the first batches bit by bit, so their errors go
/// together. Of the variance between seeds this share is drawn once per tree, the rest per run. Equal halves:
/// the seed's initialisation and most of its order of data lie in the trunk, but a branch has usually left it
/// for more than half of its own steps; replicates of whole trees would measure it, and few sweeps have them.
inline constexpr double kTreeShare = 0.5;

Sketch make_sketch(const FamilyCells& family, Cost cost, const std::vector<double>& dropped_budgets);

/// Best size of each budget; with a stream, after normal noise of sd / sqrt(seeds) on every log loss,
/// correlated by kTreeShare between runs of one tree.
std::vector<CurvePointXY> best_points(const Sketch& sketch, double sd = 0, RandomStream* stream = nullptr);

/// Cost of the smallest and largest budget.
struct Reach {
  double low = 0, high = 0;
};
Reach reach_of(const std::vector<CurvePointXY>& points);

/// M at `cost` of A; 0 or infinity when B needs less or more than `reach`, what it ran.
double multiplier_at(const LossCurve& a, const LossCurve& b, double cost, const Reach& reach);

/// Geometric mean of C_B / C_A over `losses`; 0 or infinity when a loss lies below one fitted floor, NaN
/// below both.
double mean_multiplier(const LossCurve& a, const LossCurve& b, const std::vector<double>& losses);

/// Slope of ln(C_B / C_A) over ln sqrt(C_A C_B) by least squares over `losses`; NaN when one of them is out
/// of a curve's reach.
double multiplier_slope(const LossCurve& a, const LossCurve& b, const std::vector<double>& losses);

/// Nine losses, evenly spaced in their logarithm, that both curves reach inside their data, descending; empty
/// when there are none.
std::vector<double> shared_losses(const LossCurve& a, const Reach& reach_a, const LossCurve& b,
                                  const Reach& reach_b);

/// The headline of two sketches over their own shared losses; nullopt when there is none.
std::optional<double> mean_of(const Sketch& a, const Sketch& b);

}  // namespace aunet
