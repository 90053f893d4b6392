#include "analysis/chinchilla.h"

#include "analysis/chinchilla_check.h"
#include "analysis/chinchilla_problem.h"

#include <Eigen/Dense>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

namespace aunet {
namespace {

constexpr int kGrid = 16;
constexpr double kGridLow = 0.02, kGridHigh = 1.5;
constexpr int kInnerSteps = 6;
constexpr int kPolishedBasins = 4;
constexpr double kExponentLow = 1e-3, kExponentHigh = 4;
constexpr size_t kBasinPoints = 2000;  // a larger table is thinned to find the basin, then polished whole
constexpr int64_t kParameters = 5, kSpareFreedom = 2;
constexpr double kDecrementBar = 1e-5;  // share of the objective still to gain: 5e-11
constexpr double kConditionBar = 1e12;
constexpr double kAgreementBar = 1e-6;  // of the objective
const std::array<const char*, 5> kNames = {"E", "A", "B", "alpha", "beta"};

using Vector3 = Eigen::Vector3d;
using Matrix3 = Eigen::Matrix3d;

double objective_at(const ChinchillaProblem& problem, const Vector5& x) {
  double total = 0;
  for (size_t i = 0; i < problem.size(); ++i) {
    const double predicted =
        x[0] + x[1] * std::exp(-x[3] * problem.u[i]) + x[2] * std::exp(-x[4] * problem.v[i]);
    total += problem.weight[i] * huber(std::log(predicted) - problem.log_loss[i], problem.delta);
  }
  return std::isfinite(total) ? total : std::numeric_limits<double>::infinity();
}

/// argmin_{t >= 0} t' G t / 2 - c' t for a 3 x 3 positive semi-definite G: every active set is tried.
Vector3 solve_non_negative(const Matrix3& gram, const Vector3& right) {
  Vector3 best = Vector3::Zero();
  double best_value = std::numeric_limits<double>::infinity();
  for (int mask = 1; mask < 8; ++mask) {
    Matrix3 reduced = Matrix3::Identity();
    Vector3 target = Vector3::Zero();
    for (int i = 0; i < 3; ++i) {
      if (!(mask >> i & 1)) continue;
      target[i] = right[i];
      for (int j = 0; j < 3; ++j) {
        if (mask >> j & 1) reduced(i, j) = gram(i, j) * (i == j ? 1 + 1e-12 : 1);
      }
    }
    const Vector3 solution = reduced.ldlt().solve(target);
    if (!solution.allFinite() || solution.minCoeff() < 0) continue;
    const double value = 0.5 * solution.dot(gram * solution) - right.dot(solution);
    if (value < best_value) {
      best_value = value;
      best = solution;
    }
  }
  return best;
}

/// The inner problem of one grid cell: reweighted Gauss-Newton on log residuals, from `theta` = (E, A', B').
/// Returns the objective at the last iterate but one and leaves that iterate in theta.
double project(const ChinchillaProblem& problem, const double* size_column, const double* data_column,
               Vector3& theta) {
  double best = std::numeric_limits<double>::infinity();
  Vector3 trial = theta;
  for (int step = 0; step <= kInnerSteps; ++step) {
    Matrix3 gram = Matrix3::Zero();
    Vector3 right = Vector3::Zero();
    double total = 0;
    for (size_t i = 0; i < problem.size(); ++i) {
      const double predicted = trial[0] + trial[1] * size_column[i] + trial[2] * data_column[i];
      const double residual = std::log(predicted) - problem.log_loss[i];
      const double size = std::abs(residual);
      total += problem.weight[i] * huber(residual, problem.delta);
      const double weight = problem.weight[i] * (size > problem.delta ? problem.delta / size : 1);
      const double inverse = 1 / predicted;
      const Vector3 column(inverse, size_column[i] * inverse, data_column[i] * inverse);
      gram.selfadjointView<Eigen::Lower>().rankUpdate(column, weight);
      right += weight * (1 - residual) * column;
    }
    if (!(total < best)) {
      if (step > 1) break;  // no longer descending
    } else {
      best = total;
      theta = trial;
    }
    if (step == kInnerSteps) break;
    trial = solve_non_negative(gram.selfadjointView<Eigen::Lower>(), right);
    if (trial.maxCoeff() <= 0) break;
  }
  return best;
}

struct Derivatives {
  Vector5 gradient = Vector5::Zero();
  Matrix5 hessian = Matrix5::Zero();
  Vector5 scale =
      Vector5::Zero();  // diagonal of the reweighted Gauss-Newton matrix: a curvature that cannot vanish
};

Derivatives derivatives_at(const ChinchillaProblem& problem, const Vector5& x) {
  Derivatives d;
  for (size_t i = 0; i < problem.size(); ++i) {
    const double u = problem.u[i], v = problem.v[i];
    const double size_basis = std::exp(-x[3] * u), data_basis = std::exp(-x[4] * v);
    const double size_term = x[1] * size_basis, data_term = x[2] * data_basis;
    const double predicted = x[0] + size_term + data_term, inverse = 1 / predicted;
    const double residual = std::log(predicted) - problem.log_loss[i];
    const double slope = problem.weight[i] * huber_slope(residual, problem.delta);
    const bool quadratic = std::abs(residual) <= problem.delta;
    Vector5 g;  // gradient of the residual
    g << inverse, size_basis * inverse, data_basis * inverse, -size_term * u * inverse,
        -data_term * v * inverse;
    d.gradient += slope * g;
    d.hessian += ((quadratic ? problem.weight[i] : 0) - slope) * g * g.transpose();
    const double curvature = slope * inverse;
    d.hessian(1, 3) -= curvature * u * size_basis;
    d.hessian(3, 1) -= curvature * u * size_basis;
    d.hessian(2, 4) -= curvature * v * data_basis;
    d.hessian(4, 2) -= curvature * v * data_basis;
    d.hessian(3, 3) += curvature * u * u * size_term;
    d.hessian(4, 4) += curvature * v * v * data_term;
    d.scale += problem.weight[i] * (quadratic ? 1 : problem.delta / std::abs(residual)) * g.cwiseAbs2();
  }
  d.scale = d.scale.cwiseMax(1e-12 * d.scale.maxCoeff() + std::numeric_limits<double>::min());
  return d;
}

const Vector5 kLower = (Vector5() << 0, 0, 0, kExponentLow, kExponentLow).finished();
const Vector5 kUpper = (Vector5() << 1e300, 1e300, 1e300, kExponentHigh, kExponentHigh).finished();

std::array<bool, 5> held_at_bound(const Vector5& x, const Vector5& gradient) {
  std::array<bool, 5> held{};
  for (int i = 0; i < 5; ++i) {
    held[i] = (x[i] <= kLower[i] && gradient[i] >= 0) || (x[i] >= kUpper[i] && gradient[i] <= 0);
  }
  return held;
}

/// Newton step with the held parameters fixed and `damping` added in units of the curvature scale.
std::optional<Vector5> newton_step(const Derivatives& d, const std::array<bool, 5>& held, double damping) {
  Matrix5 matrix = d.hessian;
  Vector5 target = -d.gradient;
  for (int i = 0; i < 5; ++i) {
    matrix(i, i) += damping * d.scale[i];
    if (!held[i]) continue;
    matrix.row(i).setZero();
    matrix.col(i).setZero();
    matrix(i, i) = d.scale[i];
    target[i] = 0;
  }
  const Vector5 root = d.scale.cwiseSqrt();
  const Matrix5 scaled = root.cwiseInverse().asDiagonal() * matrix * root.cwiseInverse().asDiagonal();
  const Eigen::LLT<Matrix5> factor(scaled);
  if (factor.info() != Eigen::Success) return std::nullopt;
  const Vector5 step = factor.solve(target.cwiseQuotient(root)).cwiseQuotient(root);
  if (!step.allFinite()) return std::nullopt;
  return step;
}

/// Projected, damped Newton to the bottom of the basin. Scale-free: every decision compares objectives with
/// each other.
double polish(const ChinchillaProblem& problem, Vector5& x) {
  double value = objective_at(problem, x);
  double damping = 1e-3;
  for (int iteration = 0; iteration < 200; ++iteration) {
    const Derivatives d = derivatives_at(problem, x);
    const auto held = held_at_bound(x, d.gradient);
    bool moved = false;
    for (int trial = 0; trial < 30 && !moved; ++trial) {
      const auto step = newton_step(d, held, damping);
      if (step) {
        const Vector5 candidate = (x + *step).cwiseMax(kLower).cwiseMin(kUpper);
        const double reached = objective_at(problem, candidate);
        if (reached < value) {
          const bool last_digits = value - reached <= 1e-15 * value;
          x = candidate;
          value = reached;
          damping = damping * 0.1 < 1e-12 ? 0 : damping * 0.1;
          if (last_digits) return value;
          moved = true;
          continue;
        }
      }
      damping = std::max(damping * 10, 1e-10);
    }
    if (!moved) break;
  }
  return value;
}

struct Basin {
  Vector5 x;
  double value;
};

/// Local minima of the projected objective on the exponent grid, best first.
std::vector<Basin> grid_basins(const ChinchillaProblem& problem) {
  const size_t n = problem.size();
  std::array<double, kGrid> exponent{};
  std::vector<double> size_columns(kGrid * n), data_columns(kGrid * n);
  for (int k = 0; k < kGrid; ++k) {
    exponent[k] = kGridLow * std::pow(kGridHigh / kGridLow, k / double(kGrid - 1));
    for (size_t i = 0; i < n; ++i) {
      size_columns[k * n + i] = std::exp(-exponent[k] * problem.u[i]);
      data_columns[k * n + i] = std::exp(-exponent[k] * problem.v[i]);
    }
  }
  const double lowest = std::exp(*std::min_element(problem.log_loss.begin(), problem.log_loss.end()));
  std::vector<Basin> cells(kGrid * kGrid);
  for (int i = 0; i < kGrid; ++i) {
    for (int j = 0; j < kGrid; ++j) {
      Vector3 theta(0.5 * lowest, 0.25 * lowest, 0.25 * lowest);
      if (j > 0)
        theta = cells[i * kGrid + j - 1].x.head<3>();
      else if (i > 0)
        theta = cells[(i - 1) * kGrid].x.head<3>();
      Basin& cell = cells[i * kGrid + j];
      cell.value = project(problem, &size_columns[i * n], &data_columns[j * n], theta);
      cell.x << theta, exponent[i], exponent[j];
    }
  }
  std::vector<Basin> minima;
  for (int i = 0; i < kGrid; ++i) {
    for (int j = 0; j < kGrid; ++j) {
      bool lowest_here = true;
      for (int di = -1; di <= 1; ++di) {
        for (int dj = -1; dj <= 1; ++dj) {
          const int ni = i + di, nj = j + dj;
          if (ni < 0 || nj < 0 || ni >= kGrid || nj >= kGrid) continue;
          lowest_here = lowest_here && cells[i * kGrid + j].value <= cells[ni * kGrid + nj].value;
        }
      }
      if (lowest_here) minima.push_back(cells[i * kGrid + j]);
    }
  }
  std::stable_sort(minima.begin(), minima.end(),
                   [](const Basin& a, const Basin& b) { return a.value < b.value; });
  return minima;
}

/// The least objective that is told apart from zero: residuals of 1e-10 in every point.
double objective_floor(const ChinchillaProblem& problem) { return problem.total_weight * 1e-20; }

void certify_local(const ChinchillaProblem& problem, const Vector5& x, double value,
                   Certificate& certificate) {
  const Derivatives d = derivatives_at(problem, x);
  const auto held = held_at_bound(x, d.gradient);
  for (int i = 0; i < 5; ++i) {
    if (x[i] <= kLower[i] || x[i] >= kUpper[i]) certificate.bounds_hit.emplace_back(kNames[i]);
  }
  Matrix5 scaled = Matrix5::Identity();
  for (int i = 0; i < 5; ++i) {
    for (int j = 0; j < 5; ++j) {
      if (!held[i] && !held[j]) scaled(i, j) = d.hessian(i, j) / std::sqrt(d.scale[i] * d.scale[j]);
    }
  }
  const Eigen::SelfAdjointEigenSolver<Matrix5> eigen(scaled);
  const double smallest = eigen.eigenvalues()[0], largest = eigen.eigenvalues()[4];
  certificate.hessian_condition = smallest > 0 ? largest / smallest : std::numeric_limits<double>::infinity();
  const auto step = newton_step(d, held, 0);
  certificate.newton_decrement =
      step ? std::sqrt(std::max(0.0, -step->dot(d.gradient)) / std::max(value, objective_floor(problem)))
           : std::numeric_limits<double>::infinity();
}

double distance(const ChinchillaParams& a, const ChinchillaParams& b) {
  const auto apart = [](double x, double y) {
    return std::abs(x - y) / std::max({std::abs(x), std::abs(y), std::numeric_limits<double>::min()});
  };
  return std::max(
      {apart(a.A, b.A), apart(a.B, b.B), apart(a.E, b.E), apart(a.alpha, b.alpha), apart(a.beta, b.beta)});
}

std::string verdict(const Certificate& certificate) {
  for (const char* name : {"A", "B", "alpha", "beta"}) {
    const auto& hit = certificate.bounds_hit;
    if (std::find(hit.begin(), hit.end(), name) != hit.end()) {
      return fmt::format("{} ended on its bound: the data do not identify that term", name);
    }
  }
  if (!(certificate.hessian_condition < kConditionBar)) {
    return fmt::format(
        "the hessian is singular (condition {:.1e}): N and D do not vary enough, or not independently",
        certificate.hessian_condition);
  }
  if (!(certificate.newton_decrement < kDecrementBar)) {
    return fmt::format("not at a minimum: newton decrement {:.1e}, wanted below {:.0e}",
                       certificate.newton_decrement, kDecrementBar);
  }
  if (certificate.second_solver_gap && !(std::abs(*certificate.second_solver_gap) < kAgreementBar)) {
    return fmt::format("the two solvers disagree: objectives differ by {:.1e} of the value",
                       *certificate.second_solver_gap);
  }
  return "";
}

/// "" or why these points cannot carry five parameters.
std::string refusal_before_fit(const ChinchillaProblem& problem) {
  std::set<std::pair<double, double>> places;
  std::set<double> sizes, horizons;
  for (size_t i = 0; i < problem.size() && (places.size() < 64 || sizes.size() < 2 || horizons.size() < 2);
       ++i) {
    places.insert({problem.u[i], problem.v[i]});
    sizes.insert(problem.u[i]);
    horizons.insert(problem.v[i]);
  }
  if (int64_t(places.size()) < kParameters + kSpareFreedom) {
    return fmt::format("{} distinct (N, D) points for {} parameters: wanted at least {}", places.size(),
                       kParameters, kParameters + kSpareFreedom);
  }
  if (sizes.size() < 3) return fmt::format("{} distinct values of N: wanted at least 3", sizes.size());
  if (horizons.size() < 3) return fmt::format("{} distinct values of D: wanted at least 3", horizons.size());
  return "";
}

}  // namespace

ChinchillaFit fit_chinchilla(const std::vector<LossPoint>& points, const FitOptions& options) {
  const ChinchillaProblem problem = make_problem(points, options.huber_delta, options.objective_scale);
  ChinchillaFit fit;
  fit.n_points = int64_t(problem.size());
  Certificate& certificate = fit.certificate;
  certificate.reason = refusal_before_fit(problem);
  if (!certificate.reason.empty()) return fit;

  const ChinchillaProblem scout = thin(problem, kBasinPoints);
  std::vector<Basin> basins = grid_basins(scout);
  basins.resize(std::min<size_t>(basins.size(), kPolishedBasins));
  for (Basin& basin : basins) {
    if (scout.size() < problem.size()) polish(scout, basin.x);
    basin.value = polish(problem, basin.x);
  }
  std::stable_sort(basins.begin(), basins.end(),
                   [](const Basin& a, const Basin& b) { return a.value < b.value; });
  const Basin& best = basins.front();
  fit.params = from_scaled(problem, best.x);
  fit.objective = best.value / options.objective_scale;
  double squares = 0, weights = 0;
  for (const LossPoint& point : points) {
    const double residual = std::log(fit.params.loss(point.n, point.d) / point.loss);
    squares += point.weight * residual * residual;
    weights += point.weight;
  }
  fit.rmse_log = std::sqrt(squares / weights);

  certify_local(problem, best.x, best.value, certificate);
  certificate.basins = 1;
  for (size_t k = 1; k < basins.size(); ++k) {
    const ChinchillaParams other = from_scaled(problem, basins[k].x);
    if (distance(fit.params, other) < 1e-3) continue;
    ++certificate.basins;
    if (certificate.runner_up) continue;
    certificate.runner_up = other;
    certificate.runner_up_gap = basins[k].value / std::max(best.value, objective_floor(problem)) - 1;
  }
  if (options.certify) {
    double other_value = 0;
    Vector5 other = second_solver(scout, &other_value);
    if (scout.size() < problem.size())
      other_value = polish(problem, other);  // only the basin was searched elsewhere
    const double floor_value = objective_floor(problem);
    certificate.second_solver_gap = (other_value - best.value) / std::max(best.value, floor_value);
    // Below the floor both are zero for our purpose.
    if (std::max(other_value, best.value) < floor_value) certificate.second_solver_gap = 0;
    certificate.second_solver_distance = distance(fit.params, from_scaled(problem, other));
  }
  certificate.reason = verdict(certificate);
  certificate.converged = certificate.reason.empty();
  return fit;
}

}  // namespace aunet
