#include "analysis/chinchilla_check.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <limits>

namespace aunet {
namespace {

constexpr int kStarts = 32, kFinalists = 4;
constexpr int kScoutSteps = 12, kFinalSteps = 400;
constexpr size_t kMemory = 10;

/// Objective and gradient in (a, b, e, alpha, beta) = (log A', log B', log E, ...).
double value_and_gradient(const ChinchillaProblem& problem, const Vector5& x, Vector5& gradient) {
  gradient.setZero();
  double total = 0;
  const double floor_term = std::exp(x[2]);
  for (size_t i = 0; i < problem.size(); ++i) {
    const double size_term = std::exp(x[0] - x[3] * problem.u[i]);
    const double data_term = std::exp(x[1] - x[4] * problem.v[i]);
    const double predicted = size_term + data_term + floor_term;
    const double residual = std::log(predicted) - problem.log_loss[i];
    total += problem.weight[i] * huber(residual, problem.delta);
    const double slope = problem.weight[i] * huber_slope(residual, problem.delta) / predicted;
    gradient[0] += slope * size_term;
    gradient[1] += slope * data_term;
    gradient[2] += slope * floor_term;
    gradient[3] -= slope * size_term * problem.u[i];
    gradient[4] -= slope * data_term * problem.v[i];
  }
  return std::isfinite(total) ? total : std::numeric_limits<double>::infinity();
}

struct Walker {
  Vector5 x = Vector5::Zero(), gradient = Vector5::Zero();
  double value = 0;
  std::deque<std::pair<Vector5, Vector5>> pairs;  // (step, change of gradient)
  bool stuck = false;
};

/// Two-loop recursion (Nocedal and Wright, algorithm 7.4).
Vector5 direction(const Walker& walker) {
  Vector5 q = walker.gradient;
  std::array<double, kMemory> kept{};
  for (size_t k = walker.pairs.size(); k-- > 0;) {
    const auto& [s, y] = walker.pairs[k];
    kept[k] = s.dot(q) / s.dot(y);
    q -= kept[k] * y;
  }
  if (walker.pairs.empty()) {
    q *= 0.1 / std::max(q.norm(), std::numeric_limits<double>::min());  // first step: 0.1 in log-parameters
  } else {
    const auto& [s, y] = walker.pairs.back();
    q *= s.dot(y) / y.squaredNorm();
  }
  for (size_t k = 0; k < walker.pairs.size(); ++k) {
    const auto& [s, y] = walker.pairs[k];
    q += (kept[k] - y.dot(q) / s.dot(y)) * s;
  }
  return -q;
}

/// Weak Wolfe line search by bisection (Lewis and Overton 2013): right for kinked objectives, and Huber at
/// 1e-3 is nearly one.
void advance(const ChinchillaProblem& problem, Walker& walker) {
  Vector5 along = direction(walker);
  double slope = along.dot(walker.gradient);
  if (!(slope < 0)) {
    walker.pairs.clear();
    along = direction(walker);
    slope = along.dot(walker.gradient);
  }
  double step = 1, low = 0, high = std::numeric_limits<double>::infinity();
  for (int trial = 0; trial < 40; ++trial) {
    Vector5 gradient;
    const Vector5 x = walker.x + step * along;
    const double value = value_and_gradient(problem, x, gradient);
    if (!(value <= walker.value + 1e-4 * step * slope)) {
      high = step;
    } else if (gradient.dot(along) < 0.9 * slope) {
      low = step;
    } else {
      const Vector5 s = x - walker.x, y = gradient - walker.gradient;
      if (s.dot(y) > 0) walker.pairs.emplace_back(s, y);
      if (walker.pairs.size() > kMemory) walker.pairs.pop_front();
      walker.stuck = walker.value - value <= 1e-15 * std::abs(walker.value);
      walker.x = x;
      walker.gradient = gradient;
      walker.value = value;
      return;
    }
    step = std::isfinite(high) ? 0.5 * (low + high) : 2 * low;
  }
  walker.stuck = true;
}

double halton(int index, int base) {
  double value = 0, digit = 1;
  for (int rest = index; rest > 0; rest /= base) {
    digit /= base;
    value += digit * (rest % base);
  }
  return value;
}

}  // namespace

Vector5 second_solver(const ChinchillaProblem& problem, double* objective) {
  const double lowest = *std::min_element(problem.log_loss.begin(), problem.log_loss.end());
  std::vector<Walker> walkers(kStarts);
  for (int i = 0; i < kStarts; ++i) {
    Walker& walker = walkers[i];
    walker.x << lowest - 3 * halton(i + 1, 2), lowest - 3 * halton(i + 1, 3), lowest - 2 * halton(i + 1, 5),
        0.05 + 0.9 * halton(i + 1, 7), 0.05 + 0.9 * halton(i + 1, 11);
    walker.value = value_and_gradient(problem, walker.x, walker.gradient);
    for (int step = 0; step < kScoutSteps && !walker.stuck; ++step) advance(problem, walker);
  }
  std::sort(walkers.begin(), walkers.end(),
            [](const Walker& a, const Walker& b) { return a.value < b.value; });
  walkers.resize(kFinalists);
  for (Walker& walker : walkers) {
    // A walker that stalls once starts again with a clean memory: stale curvature is the usual cause.
    for (int restart = 0; restart < 3; ++restart) {
      walker.stuck = false;
      walker.pairs.clear();
      for (int step = 0; step < kFinalSteps && !walker.stuck; ++step) advance(problem, walker);
    }
  }
  const Walker& best = *std::min_element(walkers.begin(), walkers.end(),
                                         [](const Walker& a, const Walker& b) { return a.value < b.value; });
  if (objective != nullptr) *objective = best.value;
  Vector5 scaled;
  scaled << std::exp(best.x[2]), std::exp(best.x[0]), std::exp(best.x[1]), best.x[3], best.x[4];
  return scaled;
}

}  // namespace aunet
