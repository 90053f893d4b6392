// One family's held-out loss against compute, L(C) = E + A C^-g, from one point a budget.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace aunet {

struct LossCurve {
  double E = 0, A = 0, g = 0;  // E = 0: a plain power law
  double loss(double flops) const;
  /// The compute at which the curve reaches `loss`; +inf when it never does.
  double flops_at(double loss) const;
};

/// Auto: E is fitted when there are at least 5 points and it lowers the residual variance (sum of squares /
/// degrees of freedom); else the power law, and E is not identified by these data.
enum class CurveForm { Auto, Power, Floor };

struct CurvePointXY {
  double flops = 0, loss = 0;
  double weight = 1;
};

struct CurveFit {
  LossCurve curve;
  bool floor = false;  // E was fitted
  int64_t n_points = 0, n_parameters = 0;
  double residual_sd = 0;  // sqrt(sum of squared relative residuals / (n - parameters)); 0 without freedom
  std::string refusal;     // "" when the fit stands
  int64_t freedom() const { return n_points - n_parameters; }
};

/// Least squares of (L(C) / loss - 1) by variable projection: g on a logarithmic grid in [.002, 3] and golden
/// section, E, A >= 0 in closed form for each g. Refuses fewer than 3 points, losses that do not fall with
/// compute, g at its bound.
CurveFit fit_curve(const std::vector<CurvePointXY>& points, CurveForm form = CurveForm::Auto);

}  // namespace aunet
