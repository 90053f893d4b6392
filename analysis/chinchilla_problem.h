// The fit's data in the coordinates in which it is well scaled, shared by the two solvers: nothing else is.
// A' and B' are the values of the two terms at the geometric mean of N and D, so that the columns are near 1.
#pragma once

#include <Eigen/Core>
#include <vector>

#include "analysis/chinchilla.h"

namespace aunet {

using Vector5 = Eigen::Matrix<double, 5, 1>;
using Matrix5 = Eigen::Matrix<double, 5, 5>;

/// Points with weight > 0, as columns: u = log(N / N0), v = log(D / D0), log loss, weight.
struct ChinchillaProblem {
  std::vector<double> u, v, log_loss, weight;
  double log_n0 = 0, log_d0 = 0;
  double delta = 1e-3;
  double total_weight = 0;
  size_t size() const { return u.size(); }
};

ChinchillaProblem make_problem(const std::vector<LossPoint>& points, double delta, double scale);

/// At most `limit` of the problem's points, evenly spaced in the order given: enough to find the basin of a
/// huge table.
ChinchillaProblem thin(const ChinchillaProblem& problem, size_t limit);

/// Scaled parameters (E, A', B', alpha, beta) <-> the user's.
Vector5 to_scaled(const ChinchillaProblem& problem, const ChinchillaParams& params);
ChinchillaParams from_scaled(const ChinchillaProblem& problem, const Vector5& scaled);

inline double huber(double residual, double delta) {
  const double size = residual < 0 ? -residual : residual;
  return size <= delta ? 0.5 * residual * residual : delta * (size - 0.5 * delta);
}
/// Derivative of huber().
inline double huber_slope(double residual, double delta) {
  return residual > delta ? delta : residual < -delta ? -delta : residual;
}

}  // namespace aunet
