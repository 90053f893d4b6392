// The parametric loss surface L(N, D) = E + A / N^alpha + B / D^beta: fitted exhaustively, with a
// certificate. Knows nothing of databases or families; the frontier that follows from a surface is in
// frontier.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aunet {

/// One training run as the surface sees it. Units of n, d and loss are the caller's; all three are > 0.
struct LossPoint {
  double n = 0;         // model size
  double d = 0;         // training data (bytes or tokens)
  double loss = 0;      // nats or bits
  double weight = 1;    // multiplicity; a bootstrap replicate sets it, 0 leaves the point out
  int64_t stratum = 0;  // bootstrap: points are redrawn within their stratum (compute budget)
  int64_t cluster = 0;  // bootstrap: points of a cluster (one run, one trunk) are drawn together
};

struct ChinchillaParams {
  double A = 0, B = 0, E = 0, alpha = 0, beta = 0;
  double loss(double n, double d) const;
};

struct FitOptions {
  double huber_delta = 1e-3;   // of log residuals (Hoffmann et al. 2022, arXiv 2203.15556, D.2)
  double objective_scale = 1;  // multiplies the objective; the result must not depend on it (a test)
  bool certify = true;         // run the second solver and fill the certificate's agreement
};

/// Why the optimum should be believed, or why not.
struct Certificate {
  bool converged = false;
  std::string reason;  // "" when converged, else why the fit is refused
  double newton_decrement =
      0;  // sqrt(g' H^-1 g / f) on the free parameters: decrement^2 / 2 = share of f still to gain
  double hessian_condition = 0;  // of the Jacobi-scaled Hessian in (E, A', B', alpha, beta), N and D centred
  std::vector<std::string> bounds_hit;  // parameters that ended on a bound
  int64_t basins = 0;                   // distinct local minima among the polished ones
  std::optional<double> runner_up_gap;  // objective of the second-best basin / best - 1
  std::optional<ChinchillaParams> runner_up;
  std::optional<double> second_solver_gap;       // objective of the independent solver / ours - 1
  std::optional<double> second_solver_distance;  // largest relative difference of a parameter between the two
};

struct ChinchillaFit {
  ChinchillaParams params;
  double objective = 0;  // sum of Huber(log residual), unscaled
  int64_t n_points = 0;
  double rmse_log = 0;  // root mean square of the log residuals
  Certificate certificate;
};

/// Minimises sum_i weight_i Huber_delta(log L(N_i, D_i) - log loss_i) over E, A, B >= 0 and alpha, beta.
///
/// Method   variable projection: for every (alpha, beta) of a 16 x 16 grid in [.02, 1.5] the three linear
/// parameters by
///          non-negative reweighted Gauss-Newton; each local minimum of the grid is polished by projected
///          Newton in all five. Independent check: L-BFGS on log-parameters from 32 starts
///          (chinchilla_check.h).
/// Source   objective: Hoffmann et al. 2022 (arXiv 2203.15556) D.2, Besiroglu et al. 2024 (arXiv 2404.10102);
///          variable projection: arXiv 2603.22339
/// Refuses  (certificate.converged false, with the reason) fewer than 7 distinct (n, d) points, N and D that
/// do not vary
///          independently, an exponent at its bound, solvers that disagree
/// Throws   BugError when a value is not finite and positive
ChinchillaFit fit_chinchilla(const std::vector<LossPoint>& points, const FitOptions& options = {});

/// The objective at `params`, unscaled. For checks and profiles.
double chinchilla_objective(const std::vector<LossPoint>& points, const ChinchillaParams& params,
                            double huber_delta);

}  // namespace aunet
