// The best loss of a family at each budget: directly (the best size of each budget) and from its surface L(N,
// D); and the isoFLOP parabola, which is a picture.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/cells.h"
#include "analysis/chinchilla.h"
#include "analysis/loss_curve.h"

namespace aunet {

/// The best size of one family at one budget.
struct EnvelopePoint {
  double budget = 0;
  const SizeCell* best = nullptr;
  size_t n_sizes = 0;
  /// The best size is the smallest or largest tried, and beats its neighbour by more than the seed noise of a
  /// difference (SeedNoise::difference_bar): the true optimum may lie outside, and the loss here is only an
  /// upper bound.
  bool at_edge = false;
  std::string edge;  // "smallest" | "largest" | ""
};

/// One point a budget, ascending. Ties go to the smaller size.
std::vector<EnvelopePoint> envelope(const FamilyCells& family, const SeedNoise& noise);

/// N*, D* and L* of a surface at compute C = kappa N^p D. kappa 6, p 1: Kaplan et al. 2020 (arXiv
/// 2001.08361), C = 6 N D.
struct SurfaceOptimum {
  double n = 0, d = 0, loss = 0;
};
SurfaceOptimum surface_optimum(const ChinchillaParams& params, double flops, double kappa = 6, double p = 1);

/// Indices of the cells of each run tree (that of their first seed), the trees ascending in FLOPs per byte; a
/// cell in none stands alone.
std::vector<std::vector<size_t>> tree_clusters(const FamilyCells& family);

/// The family's cells as points of a surface: d = training bytes, n = useful FLOPs / (6 d), the size of a
/// dense model of the same FLOPs per byte, so that C = 6 n d is exact. Strata are budgets, clusters are
/// cells; with run trees, which cross the budgets, clusters are trees and there is one stratum.
std::vector<LossPoint> surface_points(const FamilyCells& family);

/// Parabola of loss over log FLOPs per byte through the sizes of one budget. A picture: biased even without
/// noise (arXiv 2603.22339), no conclusion uses it.
struct IsoflopParabola {
  double budget = 0;
  double a = 0, b = 0, c = 0;     // loss = a + b x + c x^2, x = log(FLOPs per byte)
  std::optional<double> optimum;  // FLOPs per byte; nullopt unless a minimum lies inside the sizes tried
  std::string refusal;            // fewer than 3 sizes
};
std::vector<IsoflopParabola> isoflop_parabolas(const FamilyCells& family);

}  // namespace aunet
