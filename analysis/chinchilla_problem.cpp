#include "analysis/chinchilla_problem.h"

#include "core/error.h"

#include <algorithm>
#include <cmath>

namespace aunet {

double ChinchillaParams::loss(double n, double d) const {
  return E + A * std::pow(n, -alpha) + B * std::pow(d, -beta);
}

ChinchillaProblem make_problem(const std::vector<LossPoint>& points, double delta, double scale) {
  ChinchillaProblem problem;
  problem.delta = delta;
  double used = 0;
  for (const LossPoint& point : points) {
    require(std::isfinite(point.n) && std::isfinite(point.d) && std::isfinite(point.loss) && point.n > 0 &&
                point.d > 0 && point.loss > 0 && point.weight >= 0,
            "fit_chinchilla: points must be finite and positive");
    if (point.weight == 0) continue;
    used += point.weight;
    problem.log_n0 += point.weight * std::log(point.n);
    problem.log_d0 += point.weight * std::log(point.d);
  }
  if (used > 0) {
    problem.log_n0 /= used;
    problem.log_d0 /= used;
  }
  for (const LossPoint& point : points) {
    if (point.weight == 0) continue;
    problem.u.push_back(std::log(point.n) - problem.log_n0);
    problem.v.push_back(std::log(point.d) - problem.log_d0);
    problem.log_loss.push_back(std::log(point.loss));
    problem.weight.push_back(point.weight * scale);
    problem.total_weight += point.weight * scale;
  }
  return problem;
}

ChinchillaProblem thin(const ChinchillaProblem& problem, size_t limit) {
  if (problem.size() <= limit) return problem;
  ChinchillaProblem thinned = problem;
  for (std::vector<double>* column : {&thinned.u, &thinned.v, &thinned.log_loss, &thinned.weight}) {
    for (size_t i = 0; i < limit; ++i) (*column)[i] = (*column)[i * problem.size() / limit];
    column->resize(limit);
  }
  thinned.total_weight = 0;
  for (const double weight : thinned.weight) thinned.total_weight += weight;
  return thinned;
}

Vector5 to_scaled(const ChinchillaProblem& problem, const ChinchillaParams& params) {
  Vector5 scaled;
  scaled << params.E, params.A * std::exp(-params.alpha * problem.log_n0),
      params.B * std::exp(-params.beta * problem.log_d0), params.alpha, params.beta;
  return scaled;
}

ChinchillaParams from_scaled(const ChinchillaProblem& problem, const Vector5& scaled) {
  return {.A = scaled[1] * std::exp(scaled[3] * problem.log_n0),
          .B = scaled[2] * std::exp(scaled[4] * problem.log_d0),
          .E = scaled[0],
          .alpha = scaled[3],
          .beta = scaled[4]};
}

double chinchilla_objective(const std::vector<LossPoint>& points, const ChinchillaParams& params,
                            double huber_delta) {
  double total = 0;
  for (const LossPoint& point : points) {
    total += point.weight * huber(std::log(params.loss(point.n, point.d) / point.loss), huber_delta);
  }
  return total;
}

}  // namespace aunet
