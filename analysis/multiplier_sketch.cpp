#include "analysis/multiplier_sketch.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <tuple>

namespace aunet {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr int kLosses = 9;

/// Of a mean over seeds, in units of the sd between seeds.
double noise_of(const Sketch::Size& size, const std::vector<double>& of_tree, RandomStream& stream) {
  const double own = size.noise_scale * stream.normal();
  if (size.trees.empty()) return own;
  double shared = 0;
  for (const size_t tree : size.trees) shared += of_tree[tree] / double(size.trees.size());
  return std::sqrt(kTreeShare) * shared + std::sqrt(1 - kTreeShare) * own;
}

}  // namespace

Sketch make_sketch(const FamilyCells& family, Cost cost, const std::vector<double>& dropped_budgets) {
  Sketch sketch;
  std::map<std::string, size_t> trees;
  for (const double budget : family.budgets()) {
    if (std::find(dropped_budgets.begin(), dropped_budgets.end(), budget) != dropped_budgets.end()) continue;
    Sketch::Budget entry{.budget = budget, .sizes = {}};
    for (const SizeCell* cell : family.at(budget)) {
      entry.sizes.push_back(
          {cell->cost(cost), std::log(cell->loss_bpb), 1 / std::sqrt(double(cell->n_seeds)), cell});
      for (const FinalRow& row : cell->rows)
        if (!row.tree.empty())
          entry.sizes.back().trees.push_back(trees.emplace(row.tree, trees.size()).first->second);
    }
    sketch.budgets.push_back(std::move(entry));
  }
  sketch.n_trees = trees.size();
  return sketch;
}

std::vector<CurvePointXY> best_points(const Sketch& sketch, double sd, RandomStream* stream) {
  std::vector<CurvePointXY> points;
  std::vector<double> of_tree(stream != nullptr ? sketch.n_trees : 0);
  if (stream != nullptr)
    for (double& noise : of_tree) noise = stream->normal();
  for (const Sketch::Budget& budget : sketch.budgets) {
    double cost = 0, log_loss = kNever;
    for (const Sketch::Size& size : budget.sizes) {
      const double drawn = size.log_loss + (stream != nullptr ? sd * noise_of(size, of_tree, *stream) : 0);
      if (drawn < log_loss) std::tie(cost, log_loss) = std::tie(size.cost, drawn);
    }
    points.push_back({.flops = cost, .loss = std::exp(log_loss), .weight = 1});
  }
  return points;
}

Reach reach_of(const std::vector<CurvePointXY>& points) {
  Reach reach{kNever, 0};
  for (const CurvePointXY& point : points) {
    reach.low = std::min(reach.low, point.flops);
    reach.high = std::max(reach.high, point.flops);
  }
  return reach;
}

double multiplier_at(const LossCurve& a, const LossCurve& b, double cost, const Reach& reach) {
  const double needed = b.flops_at(a.loss(cost));
  if (needed > reach.high) return kNever;
  if (needed < reach.low) return 0;
  return needed / cost;
}

double mean_multiplier(const LossCurve& a, const LossCurve& b, const std::vector<double>& losses) {
  double sum = 0;
  for (const double loss : losses) sum += std::log(b.flops_at(loss)) - std::log(a.flops_at(loss));
  return std::exp(sum / double(losses.size()));
}

double multiplier_slope(const LossCurve& a, const LossCurve& b, const std::vector<double>& losses) {
  std::vector<double> x, y;
  double mean_x = 0, mean_y = 0;
  for (const double loss : losses) {
    const double log_a = std::log(a.flops_at(loss)), log_b = std::log(b.flops_at(loss));
    x.push_back(0.5 * (log_a + log_b));
    y.push_back(log_b - log_a);
    mean_x += x.back() / double(losses.size());
    mean_y += y.back() / double(losses.size());
  }
  double xx = 0, xy = 0;
  for (size_t k = 0; k < x.size(); ++k) {
    xx += (x[k] - mean_x) * (x[k] - mean_x);
    xy += (x[k] - mean_x) * (y[k] - mean_y);
  }
  return std::isfinite(xy) && xx > 0 ? xy / xx : std::numeric_limits<double>::quiet_NaN();
}

std::vector<double> shared_losses(const LossCurve& a, const Reach& reach_a, const LossCurve& b,
                                  const Reach& reach_b) {
  const double high = std::log(std::min(a.loss(reach_a.low), b.loss(reach_b.low)));
  const double low = std::log(std::max(a.loss(reach_a.high), b.loss(reach_b.high)));
  std::vector<double> losses;
  if (!(low < high)) return losses;
  for (int k = 0; k < kLosses; ++k) losses.push_back(std::exp(high + (low - high) * k / (kLosses - 1)));
  return losses;
}

std::optional<double> mean_of(const Sketch& a, const Sketch& b) {
  const CurveFit fit_a = fit_curve(best_points(a)), fit_b = fit_curve(best_points(b));
  if (!fit_a.refusal.empty() || !fit_b.refusal.empty()) return std::nullopt;
  const std::vector<double> losses =
      shared_losses(fit_a.curve, reach_of(best_points(a)), fit_b.curve, reach_of(best_points(b)));
  if (losses.empty()) return std::nullopt;
  return mean_multiplier(fit_a.curve, fit_b.curve, losses);
}

}  // namespace aunet
