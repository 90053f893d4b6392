// What every interval of this room is made with: parallel replicates whose draws do not depend on the number
// of threads, resampling of loss points, percentiles.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "analysis/chinchilla.h"
#include "core/random.h"

namespace aunet {

/// A 95 % interval unless said otherwise.
struct Interval {
  double low = 0, high = 0;
  bool contains(double value) const { return low <= value && value <= high; }
};

inline constexpr double kLevel = 0.95;

/// Calls body(i) for i in [0, n) on all processors. body may throw; the first exception comes out.
void parallel_for(int64_t n, const std::function<void(int64_t)>& body);

/// Percentile interval with linear interpolation between order statistics. Throws BugError when `values` is
/// empty.
Interval percentile_interval(std::vector<double> values, double level = kLevel);
double standard_deviation(const std::vector<double>& values);  ///< n - 1; 0 for fewer than 2

/// A bootstrap replicate: within each stratum as many clusters as it has are drawn with replacement, all
/// points of a cluster together. Returned as weights on the same points.
std::vector<LossPoint> resample(const std::vector<LossPoint>& points, RandomStream& stream);

/// Fits `replicates` resamples, each from a full restart of the grid.
struct FitBootstrap {
  std::vector<ChinchillaParams> fits;  // of the replicates that converged
  int64_t replicates = 0, refused = 0;
  std::map<std::string, Interval> intervals;  // A, B, E, alpha, beta, a = beta / (alpha + beta), b = 1 - a;
                                              // empty when fewer than half of the replicates converged
  std::map<std::string, double> standard_errors;
};
FitBootstrap bootstrap_chinchilla(const std::vector<LossPoint>& points, int64_t replicates, uint64_t seed,
                                  const FitOptions& options = {});

}  // namespace aunet
