#include "analysis/multiplier.h"
#include "analysis/multiplier_sketch.h"

#include "core/error.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace aunet {
namespace {

constexpr size_t kMinBudgets = 3;
constexpr size_t kInfluenceShown = 5;
constexpr double kScatterRatio = 1.8;  // sqrt of the 95 % point of F(5, 10): a sweep with a few seeds
constexpr double kNeverReached = std::numeric_limits<double>::infinity();
constexpr double kMinSpan = 2;  // of A's compute, over the losses that both reach

std::string missing_costs(const FamilyCells& family, Cost cost) {
  for (const SizeCell& cell : family.cells) {
    if (!(cell.cost(cost) > 0)) {
      return fmt::format("{} has a cell at {} FLOPs without {}", family.name, human_flops(cell.budget),
                         to_string(cost));
    }
  }
  return "";
}

std::string unequal_evaluation(const FamilyCells& a, const FamilyCells& b) {
  std::set<std::pair<std::string, int64_t>> seen;
  for (const FamilyCells* family : {&a, &b}) {
    for (const SizeCell& cell : family->cells) {
      for (const FinalRow& row : cell.rows)
        seen.insert({row.heldout_fingerprint, row.heldout_bytes.value_or(0)});
    }
  }
  if (seen.size() <= 1) return "";
  return fmt::format("the runs were evaluated on {} different sets of held-out bytes", seen.size());
}

FamilyCurve make_curve(const FamilyCells& family, const SeedNoise& noise, Cost cost) {
  FamilyCurve curve;
  curve.family = family.name;
  curve.in_trees = family.n_trees() < family.n_runs();
  curve.envelope = envelope(family, noise);
  for (const EnvelopePoint& point : curve.envelope) {
    if (point.at_edge) curve.dropped_budgets.push_back(point.budget);
  }
  curve.fit = fit_curve(best_points(make_sketch(family, cost, curve.dropped_budgets)));
  return curve;
}

std::vector<double> kept_budgets(const FamilyCurve& curve) {
  std::vector<double> kept;
  for (const EnvelopePoint& point : curve.envelope) {
    if (!point.at_edge) kept.push_back(point.budget);
  }
  return kept;
}

std::vector<double> common(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both;
}

/// Fills refusal and cure when the cells cannot carry a comparison.
bool refuse_early(const FamilyCells& a, const FamilyCells& b, Comparison& result) {
  const auto refuse = [&](std::string why, std::string cure) {
    result.refusal = std::move(why);
    result.cure = std::move(cure);
    return true;
  };
  for (const FamilyCells* family : {&a, &b}) {
    if (family->cells.empty())
      return refuse(fmt::format("{} has no finished run that may enter", family->name),
                    "see `aunet-analyze check`");
  }
  const size_t shared = common(a.budgets(), b.budgets()).size();
  if (shared < kMinBudgets) {
    return refuse(fmt::format("{} and {} share {} finished budgets: wanted at least {}", a.name, b.name,
                              shared, kMinBudgets),
                  "finish or add budgets, at least 3 and better 5 over 1.5 decades");
  }
  if (const std::string unequal = unequal_evaluation(a, b); !unequal.empty()) {
    return refuse(unequal, "evaluate every run on the same held-out files");
  }
  for (const FamilyCells* family : {&a, &b}) {
    if (const std::string missing = missing_costs(*family, result.cost); !missing.empty())
      return refuse(missing, "");
  }
  for (const FamilyCurve* curve : {&result.a, &result.b}) {
    if (kept_budgets(*curve).size() >= kMinBudgets) continue;
    return refuse(fmt::format("{}: the best size is at the edge of the sizes tried at {} of {} budgets",
                              curve->family, curve->dropped_budgets.size(), curve->envelope.size()),
                  fmt::format("add {} sizes of {}",
                              curve->envelope.back().edge == "smallest" ? "smaller" : "larger or smaller",
                              curve->family));
  }
  for (const FamilyCurve* curve : {&result.a, &result.b}) {
    if (!curve->fit.refusal.empty()) {
      return refuse(fmt::format("{}: {}", curve->family, curve->fit.refusal), "add budgets further apart");
    }
  }
  return false;
}

/// Noise of a cell's log loss. Measured seeds are believed, unless the envelopes scatter clearly more around
/// their curves (tuning, ragged sizes); without seeds, prior and scatter are pooled by their degrees of
/// freedom.
void choose_noise(const SeedNoise& seeds, Comparison& result) {
  double squares = 0, freedom = 0;
  for (const FamilyCurve* curve : {&result.a, &result.b}) {
    // What the runs of a tree have in common moves the curve and not the points around it.
    const double seen = curve->in_trees ? 1 - kTreeShare : 1;
    squares += curve->fit.residual_sd * curve->fit.residual_sd * double(curve->fit.freedom()) / seen;
    freedom += double(curve->fit.freedom());
  }
  const double scatter = freedom > 0 ? std::sqrt(squares / freedom) : 0;
  result.noise_sd = seeds.sd;
  result.noise_freedom = seeds.freedom;
  result.noise_source = seeds.assumed ? "seed noise assumed" : "seed noise from replicates";
  if (scatter > kScatterRatio * seeds.sd) {
    result.noise_sd = scatter;
    result.noise_freedom = freedom;
    result.noise_source = std::string("scatter of the best cells around the curves, above the ") +
                          (seeds.assumed ? "assumed seed noise" : "noise between seeds");
  } else if (seeds.assumed && freedom > 0) {
    result.noise_sd = std::sqrt((seeds.sd * seeds.sd * seeds.freedom + squares) / (seeds.freedom + freedom));
    result.noise_freedom = seeds.freedom + freedom;
    result.noise_source = "seed noise assumed, pooled with the scatter around the curves";
  }
}

/// sd of this replicate: sd sqrt(freedom / chi^2_freedom), so that few degrees of freedom give heavy tails.
double draw_sd(double sd, double freedom, RandomStream& stream) {
  const int64_t n = std::max<int64_t>(1, std::llround(freedom));
  double chi2 = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double z = stream.normal();
    chi2 += z * z;
  }
  return sd * std::sqrt(double(n) / std::max(chi2, 1e-3));
}

void add_points(const Sketch& a, const Sketch& b, Comparison& result) {
  const std::vector<CurvePointXY> best_a = best_points(a);
  const Reach reach = reach_of(best_points(b));
  const std::vector<double> shared = common(kept_budgets(result.a), kept_budgets(result.b));
  for (size_t k = 0; k < best_a.size(); ++k) {
    if (std::find(shared.begin(), shared.end(), a.budgets[k].budget) == shared.end()) continue;
    MultiplierPoint point;
    point.budget = a.budgets[k].budget;
    point.cost = best_a[k].flops;
    point.loss = result.a.fit.curve.loss(point.cost);
    const double m = multiplier_at(result.a.fit.curve, result.b.fit.curve, point.cost, reach);
    point.censored = m == 0 ? -1 : std::isfinite(m) ? 0 : 1;
    point.multiplier = m == 0 ? reach.low / point.cost : std::isfinite(m) ? m : reach.high / point.cost;
    result.points.push_back(point);
  }
}

/// Fills losses and mean, or the refusal.
void add_mean(const Sketch& a, const Sketch& b, Comparison& result) {
  const LossCurve &curve_a = result.a.fit.curve, &curve_b = result.b.fit.curve;
  const Reach reach_a = reach_of(best_points(a)), reach_b = reach_of(best_points(b));
  result.losses = shared_losses(curve_a, reach_a, curve_b, reach_b);
  if (result.losses.empty()) {
    const bool a_ahead = curve_a.loss(reach_a.low) < curve_b.loss(reach_b.high);
    result.refusal =
        fmt::format("no loss that both reach: {} is better at its smallest budget than {} at its largest",
                    a_ahead ? result.family_a : result.family_b, a_ahead ? result.family_b : result.family_a);
    result.cure = fmt::format("run {} at larger budgets", a_ahead ? result.family_b : result.family_a);
    return;
  }
  const double span = curve_a.flops_at(result.losses.back()) / curve_a.flops_at(result.losses.front());
  if (span < kMinSpan) {
    result.refusal = fmt::format(
        "the losses that both reach span a factor {:.2f} of compute: wanted at least {:g}", span, kMinSpan);
    result.cure = "more budgets at the ends, until the families share a range of losses";
    return;
  }
  result.mean = mean_multiplier(curve_a, curve_b, result.losses);
  result.slope = multiplier_slope(curve_a, curve_b, result.losses);
}

/// ln of what M is beyond when no loss is shared: the families' outermost costs.
double log_bound_of(bool a_ahead, const Reach& a, const Reach& b) {
  return a_ahead ? std::log(b.high / a.low) : std::log(b.low / a.high);
}

void add_bound(const Sketch& a, const Sketch& b, const CompareOptions& options, Comparison& result) {
  const Reach reach_a = reach_of(best_points(a)), reach_b = reach_of(best_points(b));
  const bool ahead = result.a.fit.curve.loss(reach_a.low) < result.b.fit.curve.loss(reach_b.high);
  result.log_bound = log_bound_of(ahead, reach_a, reach_b);
  std::vector<double> drawn(options.replicates, std::numeric_limits<double>::quiet_NaN());
  parallel_for(options.replicates, [&](int64_t i) {
    RandomStream stream(options.seed, fmt::format("compare {} {} {}", result.family_a, result.family_b, i));
    const double sd = draw_sd(result.noise_sd, result.noise_freedom, stream);
    const CurveFit fit_a = fit_curve(best_points(a, sd, &stream)),
                   fit_b = fit_curve(best_points(b, sd, &stream));
    if (!fit_a.refusal.empty() || !fit_b.refusal.empty()) return;
    const std::vector<double> losses = shared_losses(fit_a.curve, reach_a, fit_b.curve, reach_b);
    if (!losses.empty()) {
      drawn[i] = std::log(mean_multiplier(fit_a.curve, fit_b.curve, losses));
      return;
    }
    const bool ahead_now = fit_a.curve.loss(reach_a.low) < fit_b.curve.loss(reach_b.high);
    const double open = ahead_now ? kNeverReached : -kNeverReached;
    drawn[i] = i % 2 == 0 ? open : log_bound_of(ahead_now, reach_a, reach_b);
  });
  result.replicates = options.replicates;
  for (const double value : drawn) {
    if (std::isnan(value))
      ++result.replicates_refused;
    else
      result.log_mean_draws.push_back(value);
  }
  if (2 * result.replicates_refused > options.replicates) result.log_bound.reset();
}

void add_intervals(const Sketch& a, const Sketch& b, const CompareOptions& options, Comparison& result) {
  const size_t n_points = result.points.size();
  const Reach reach = reach_of(best_points(b));
  std::vector<std::vector<double>> drawn(options.replicates);  // M at each point, the mean, the slope
  parallel_for(options.replicates, [&](int64_t i) {
    RandomStream stream(options.seed, fmt::format("compare {} {} {}", result.family_a, result.family_b, i));
    const double sd = draw_sd(result.noise_sd, result.noise_freedom, stream);
    const CurveFit fit_a = fit_curve(best_points(a, sd, &stream)),
                   fit_b = fit_curve(best_points(b, sd, &stream));
    if (!fit_a.refusal.empty() || !fit_b.refusal.empty()) return;
    for (const MultiplierPoint& point : result.points) {
      drawn[i].push_back(multiplier_at(fit_a.curve, fit_b.curve, point.cost, reach));
    }
    drawn[i].push_back(mean_multiplier(fit_a.curve, fit_b.curve, result.losses));
    drawn[i].push_back(multiplier_slope(fit_a.curve, fit_b.curve, result.losses));
  });
  std::vector<std::vector<double>> columns(n_points + 1);
  int64_t undetermined = 0, without_slope = 0;
  for (const auto& values : drawn) {
    result.replicates_refused += values.empty();
    if (values.empty()) continue;
    // NaN: the drawn floors put a loss out of both families' reach. It says nothing, so it widens both ends
    // alike.
    for (size_t k = 0; k <= n_points; ++k)
      columns[k].push_back(std::isnan(values[k]) ? (undetermined++ % 2 == 0 ? 0 : kNeverReached) : values[k]);
    result.log_mean_draws.push_back(std::log(columns[n_points].back()));
    const double slope = values.back();
    result.slope_draws.push_back(!std::isnan(slope)         ? slope
                                 : without_slope++ % 2 == 0 ? -kNeverReached
                                                            : kNeverReached);
  }
  result.replicates = options.replicates;
  if (2 * result.replicates_refused > options.replicates) {
    result.refusal = fmt::format("{} of {} replicates had no falling curve: the trend is not above the noise",
                                 result.replicates_refused, options.replicates);
    result.cure = "add budgets further apart, or seeds";
    return;
  }
  for (size_t k = 0; k < n_points; ++k) {
    MultiplierPoint& point = result.points[k];
    point.interval = percentile_interval(columns[k]);
    point.low_open = !(point.interval.low > 0);
    point.high_open = !std::isfinite(point.interval.high);
    const double lowest = reach.low / point.cost, highest = reach.high / point.cost;
    point.interval.low = std::clamp(point.interval.low, lowest, highest);
    point.interval.high = std::clamp(point.interval.high, lowest, highest);
  }
  result.mean_interval = percentile_interval(columns[n_points]);
}

/// Only the best cell of a budget carries weight: taking out another leaves the envelope as it is.
void add_influence(const Sketch& a, const Sketch& b, Comparison& result) {
  for (const bool of_a : {true, false}) {
    const Sketch& whole = of_a ? a : b;
    for (size_t k = 0; k < whole.budgets.size(); ++k) {
      Sketch cut = whole;
      std::vector<Sketch::Size>& sizes = cut.budgets[k].sizes;
      const auto best = std::min_element(
          sizes.begin(), sizes.end(),
          [](const Sketch::Size& x, const Sketch::Size& y) { return x.log_loss < y.log_loss; });
      const std::string dims = best->cell->dims;
      sizes.erase(best);
      if (sizes.empty()) cut.budgets.erase(cut.budgets.begin() + int64_t(k));
      const auto mean = mean_of(of_a ? cut : a, of_a ? b : cut);
      if (!mean) continue;
      result.influence.push_back({.family = of_a ? result.family_a : result.family_b,
                                  .dims = dims,
                                  .budget = whole.budgets[k].budget,
                                  .multiplier = *mean,
                                  .flips = (*mean > 1) != (*result.mean > 1)});
    }
  }
  const auto move = [&](const Influence& one) { return std::abs(std::log(one.multiplier / *result.mean)); };
  std::stable_sort(result.influence.begin(), result.influence.end(),
                   [&](const Influence& x, const Influence& y) {
                     return x.flips != y.flips ? x.flips : move(x) > move(y);
                   });
  const size_t flips = size_t(std::count_if(result.influence.begin(), result.influence.end(),
                                            [](const Influence& one) { return one.flips; }));
  result.influence.resize(std::min(result.influence.size(), std::max(kInfluenceShown, flips)));
}

void add_warnings(const SweepCells& sweep, Comparison& result) {
  for (const FamilyCurve* curve : {&result.a, &result.b}) {
    for (const double budget : curve->dropped_budgets) {
      result.warnings.push_back(fmt::format(
          "{}: the best size at {} FLOPs is at the edge of the sizes tried; that budget is left out",
          curve->family, human_flops(budget)));
    }
    size_t alone = 0;
    for (const EnvelopePoint& point : curve->envelope) alone += point.n_sizes == 1;
    if (alone > 0) {
      result.warnings.push_back(fmt::format(
          "{}: one size only at {} budgets: its best loss there was not searched for", curve->family, alone));
    }
    if (!curve->fit.floor) {
      result.warnings.push_back(fmt::format(
          "{}: the irreducible loss E is not identified; a plain power law is used, inside the data only",
          curve->family));
    }
    if (curve->fit.freedom() < 2) {
      result.warnings.push_back(fmt::format("{}: {} points for {} parameters: {} degree of freedom",
                                            curve->family, curve->fit.n_points, curve->fit.n_parameters,
                                            curve->fit.freedom()));
    }
  }
  if (sweep.noise.assumed) {
    result.warnings.push_back(
        fmt::format("no cell has two seeds: seed noise assumed, sd {:.2g} of the log loss", sweep.noise.sd));
  }
}

}  // namespace

Comparison compare_families(const SweepCells& sweep, const std::string& family_a, const std::string& family_b,
                            const CompareOptions& options) {
  if (family_a == family_b)
    throw ConfigError(fmt::format("--a, --b: expected two families, got '{}' twice", family_a));
  const FamilyCells &cells_a = sweep.family(family_a), &cells_b = sweep.family(family_b);
  Comparison result;
  result.family_a = family_a;
  result.family_b = family_b;
  result.cost = options.cost;
  result.a = make_curve(cells_a, sweep.noise, options.cost);
  result.b = make_curve(cells_b, sweep.noise, options.cost);
  if (!cells_a.cells.empty() && !cells_b.cells.empty()) add_warnings(sweep, result);
  if (refuse_early(cells_a, cells_b, result)) return result;

  choose_noise(sweep.noise, result);
  const Sketch a = make_sketch(cells_a, options.cost, result.a.dropped_budgets);
  const Sketch b = make_sketch(cells_b, options.cost, result.b.dropped_budgets);
  add_points(a, b, result);
  add_mean(a, b, result);
  if (result.mean) add_intervals(a, b, options, result);
  if (result.losses.empty()) add_bound(a, b, options, result);
  if (!result.refusal.empty()) {
    result.mean.reset();
    result.slope.reset();
    return result;
  }
  Sketch cut_a = a, cut_b = b;
  cut_a.budgets.pop_back();
  cut_b.budgets.pop_back();
  result.mean_without_largest = mean_of(cut_a, cut_b);
  add_influence(a, b, result);
  return result;
}

}  // namespace aunet
