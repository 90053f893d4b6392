#include "sweep/vertex.h"

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>

namespace aunet {

namespace {

constexpr double kNear = 1.25, kFar = 2.25;  // steps, with room for batches rounded to windows
constexpr double kFarWeight = 0.25;
constexpr double kTiltPrior = 0.25;  // trials' worth of evidence for no tilt

struct Quadratic {
  Eigen::VectorXd slope;
  Eigen::MatrixXd bend;  // second derivatives
};

/// The points as seen from the best, along the free axes.
struct Design {
  std::vector<Eigen::VectorXd> at;
  std::vector<double> loss, weight;
};

Design around_best(const std::vector<TrialPoint>& points, size_t best, const std::vector<size_t>& axes,
                   const std::vector<bool>& free) {
  Design design;
  for (const TrialPoint& point : points) {
    double farthest = 0, fixed = 0;
    for (size_t i = 0; i < point.at.size(); ++i) {
      const double off = std::abs(point.at[i] - points[best].at[i]);
      (free[i] ? farthest : fixed) = std::max(free[i] ? farthest : fixed, off);
    }
    if (farthest > kFar || fixed > 1e-6 || !std::isfinite(point.loss)) continue;
    Eigen::VectorXd at(static_cast<Eigen::Index>(axes.size()));
    for (size_t i = 0; i < axes.size(); ++i)
      at[static_cast<Eigen::Index>(i)] = point.at[axes[i]] - points[best].at[axes[i]];
    design.at.push_back(at);
    design.loss.push_back(point.loss - points[best].loss);
    design.weight.push_back(farthest > kNear ? kFarWeight : 1);
  }
  return design;
}

/// What was tried along one axis: offsets from the best, the best's own 0 among them.
struct Tried {
  double lowest = 0, highest = 0;
  size_t n_levels = 0;  // half a step apart or more
};

Tried tried_along(const Design& design, Eigen::Index axis) {
  std::vector<double> offsets;
  for (const Eigen::VectorXd& at : design.at) offsets.push_back(at[axis]);
  std::sort(offsets.begin(), offsets.end());
  Tried tried{offsets.front(), offsets.back(), 1};
  double level = offsets.front();
  for (const double offset : offsets) {
    if (offset < level + 0.5) continue;
    ++tried.n_levels;
    level = offset;
  }
  return tried;
}

/// Least squares of c + b x + x' A x / 2, off-diagonals of A shrunk towards 0, or absent.
Quadratic fit(const Design& design, Eigen::Index n, bool tilted) {
  const Eigen::Index n_tilts = tilted ? n * (n - 1) / 2 : 0, n_columns = 1 + 2 * n + n_tilts;
  const auto n_points = static_cast<Eigen::Index>(design.at.size());
  Eigen::MatrixXd x = Eigen::MatrixXd::Zero(n_points + n_tilts, n_columns);
  Eigen::VectorXd y = Eigen::VectorXd::Zero(n_points + n_tilts);
  for (Eigen::Index p = 0; p < n_points; ++p) {
    const Eigen::VectorXd& at = design.at[static_cast<size_t>(p)];
    const double root = std::sqrt(design.weight[static_cast<size_t>(p)]);
    x(p, 0) = root;
    for (Eigen::Index i = 0; i < n; ++i) {
      x(p, 1 + i) = root * at[i];
      x(p, 1 + n + i) = root * at[i] * at[i] / 2;
    }
    Eigen::Index column = 1 + 2 * n;
    for (Eigen::Index i = 0; tilted && i < n; ++i)
      for (Eigen::Index j = i + 1; j < n; ++j) x(p, column++) = root * at[i] * at[j];
    y[p] = root * design.loss[static_cast<size_t>(p)];
  }
  for (Eigen::Index t = 0; t < n_tilts; ++t) x(n_points + t, 1 + 2 * n + t) = std::sqrt(kTiltPrior);
  const Eigen::VectorXd solution = x.completeOrthogonalDecomposition().solve(y);
  Quadratic quadratic{solution.segment(1, n), Eigen::MatrixXd::Zero(n, n)};
  quadratic.bend.diagonal() = solution.segment(1 + n, n);
  Eigen::Index column = 1 + 2 * n;
  for (Eigen::Index i = 0; tilted && i < n; ++i)
    for (Eigen::Index j = i + 1; j < n; ++j) quadratic.bend(i, j) = quadratic.bend(j, i) = solution[column++];
  return quadratic;
}

bool has_minimum(const Quadratic& quadratic) {
  const double least =
      Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(quadratic.bend).eigenvalues().minCoeff();
  return least > 0.05 * quadratic.bend.diagonal().maxCoeff();
}

}  // namespace

std::vector<double> vertex_around(const std::vector<TrialPoint>& points, size_t best,
                                  const std::vector<bool>& free_axes) {
  std::vector<bool> free = free_axes;
  std::vector<double> vertex(free.size(), 0);
  std::vector<size_t> axes;
  for (size_t i = 0; i < free.size(); ++i)
    if (free[i]) axes.push_back(i);
  while (!axes.empty()) {
    const auto n = static_cast<Eigen::Index>(axes.size());
    const Design design = around_best(points, best, axes, free);
    const auto too_few = std::find_if(axes.begin(), axes.end(), [&](const size_t& axis) {
      return tried_along(design, static_cast<Eigen::Index>(&axis - axes.data())).n_levels < 3;
    });
    if (too_few != axes.end()) {
      free[*too_few] = false;
      axes.erase(too_few);
      continue;
    }
    const Quadratic flat = fit(design, n, false);
    Eigen::Index worst = 0;
    if (flat.bend.diagonal().minCoeff(&worst) <= 0) {
      free[axes[static_cast<size_t>(worst)]] = false;
      axes.erase(axes.begin() + worst);
      continue;
    }
    const Quadratic tilted = fit(design, n, true);
    const Quadratic& chosen = has_minimum(tilted) ? tilted : flat;
    const Eigen::VectorXd off = -chosen.bend.ldlt().solve(chosen.slope);
    for (Eigen::Index i = 0; i < n; ++i) {
      const Tried tried = tried_along(design, i);
      vertex[axes[static_cast<size_t>(i)]] =
          std::clamp(off[i], std::max(-1.0, tried.lowest), std::min(1.0, tried.highest));
    }
    break;
  }
  return vertex;
}

}  // namespace aunet
