#include "analysis/loss_curve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace aunet {
namespace {

constexpr double kSlopeLow = 0.002, kSlopeHigh = 3;
constexpr int kSlopeGrid = 60, kGoldenSteps = 60;
constexpr size_t kFloorPoints = 5;  // 3 parameters + 2 degrees of freedom

struct Projection {
  double E = 0, A = 0, squares = std::numeric_limits<double>::infinity();
};

/// min over E, A >= 0 of sum w (E / L + A x / L - 1)^2 with x = (C / C0)^-g.
Projection project(const std::vector<CurvePointXY>& points, double log_c0, double g, bool floor) {
  double ee = 0, ea = 0, aa = 0, e1 = 0, a1 = 0, total = 0;
  for (const CurvePointXY& p : points) {
    const double e = 1 / p.loss, a = std::exp(-g * (std::log(p.flops) - log_c0)) / p.loss;
    ee += p.weight * e * e;
    ea += p.weight * e * a;
    aa += p.weight * a * a;
    e1 += p.weight * e;
    a1 += p.weight * a;
    total += p.weight;
  }
  Projection best{.E = 0, .A = a1 / aa, .squares = 0};
  const double determinant = ee * aa - ea * ea;
  if (floor && determinant > 1e-14 * ee * aa) {
    const double E = (e1 * aa - a1 * ea) / determinant, A = (a1 * ee - e1 * ea) / determinant;
    if (E > 0 && A > 0) best = {.E = E, .A = A, .squares = 0};
  }
  // From the residuals, not from the normal equations: those cancel when the fit is exact.
  for (const CurvePointXY& p : points) {
    const double r = (best.E + best.A * std::exp(-g * (std::log(p.flops) - log_c0))) / p.loss - 1;
    best.squares += p.weight * r * r;
  }
  return best;
}

struct Solution {
  Projection at;
  double g = 0;
};

Solution minimise(const std::vector<CurvePointXY>& points, double log_c0, bool floor) {
  const auto value = [&](double log_g) { return project(points, log_c0, std::exp(log_g), floor).squares; };
  const double low = std::log(kSlopeLow), step = (std::log(kSlopeHigh) - low) / (kSlopeGrid - 1);
  int best = 0;
  double best_value = std::numeric_limits<double>::infinity();
  for (int k = 0; k < kSlopeGrid; ++k) {
    const double here = value(low + k * step);
    if (here < best_value) {
      best_value = here;
      best = k;
    }
  }
  double a = low + std::max(best - 1, 0) * step, b = low + std::min(best + 1, kSlopeGrid - 1) * step;
  const double ratio = (std::sqrt(5.0) - 1) / 2;
  double c = b - ratio * (b - a), d = a + ratio * (b - a), fc = value(c), fd = value(d);
  for (int k = 0; k < kGoldenSteps; ++k) {
    if (fc < fd) {
      b = d;
      d = c;
      fd = fc;
      c = b - ratio * (b - a);
      fc = value(c);
    } else {
      a = c;
      c = d;
      fc = fd;
      d = a + ratio * (b - a);
      fd = value(d);
    }
  }
  const double g = std::exp(0.5 * (a + b));
  return {project(points, log_c0, g, floor), g};
}

double variance(const Solution& solution, double n, double n_parameters) {
  return n > n_parameters ? solution.at.squares / (n - n_parameters) : 0;
}

}  // namespace

double LossCurve::loss(double flops) const { return E + A * std::pow(flops, -g); }

double LossCurve::flops_at(double loss) const {
  if (loss <= E) return std::numeric_limits<double>::infinity();
  return std::pow((loss - E) / A, -1 / g);
}

CurveFit fit_curve(const std::vector<CurvePointXY>& points, CurveForm form) {
  CurveFit fit;
  std::set<double> places;
  double log_c0 = 0;
  for (const CurvePointXY& p : points) {
    places.insert(p.flops);
    log_c0 += std::log(p.flops) / double(points.size());
  }
  fit.n_points = int64_t(points.size());
  if (places.size() < 3) {
    fit.refusal = fmt::format("{} budgets: a curve needs at least 3", places.size());
    return fit;
  }
  const double n = double(points.size());
  const Solution power = minimise(points, log_c0, false);
  Solution chosen = power;
  if (form == CurveForm::Floor || (form == CurveForm::Auto && places.size() >= kFloorPoints)) {
    const Solution with_floor = minimise(points, log_c0, true);
    fit.floor = form == CurveForm::Floor ||
                (with_floor.at.E > 0 && variance(with_floor, n, 3) < variance(power, n, 2));
    if (fit.floor) chosen = with_floor;
  }
  fit.n_parameters = fit.floor ? 3 : 2;
  fit.residual_sd = std::sqrt(variance(chosen, n, double(fit.n_parameters)));
  fit.curve = {chosen.at.E, chosen.at.A * std::exp(chosen.g * log_c0), chosen.g};
  if (chosen.g < kSlopeLow * 1.01) fit.refusal = "the loss does not fall with compute";
  if (chosen.g > kSlopeHigh * 0.99)
    fit.refusal = "the exponent is at its bound: the loss is flat but for the smallest budget";
  return fit;
}

}  // namespace aunet
