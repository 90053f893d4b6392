#include "analysis/multiplier.h"

#include "core/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace aunet {
namespace {

/// The compute at which a surface's frontier reaches `loss`; frontiers fall monotonically, so bisection in
/// log C. nullopt at or below the floor.
std::optional<double> flops_at(const ChinchillaParams& surface, double loss) {
  if (loss <= surface.E) return std::nullopt;
  double low = -50, high = 200;
  for (int i = 0; i < 60; ++i) {
    const double middle = 0.5 * (low + high);
    (surface_optimum(surface, std::exp(middle)).loss > loss ? low : high) = middle;
  }
  return std::exp(0.5 * (low + high));
}

std::optional<double> mean_multiplier(const ChinchillaParams& a, const ChinchillaParams& b,
                                      const std::vector<double>& losses) {
  double sum = 0;
  for (const double loss : losses) {
    const auto from_a = flops_at(a, loss), from_b = flops_at(b, loss);
    if (!from_a || !from_b) return std::nullopt;
    sum += std::log(*from_b / *from_a);
  }
  return std::exp(sum / double(losses.size()));
}

/// Points with weights: in each budget, as many draws of a rank as the smaller family has cells, applied to
/// both.
void redraw_paired(std::vector<LossPoint>& a, std::vector<LossPoint>& b, const FamilyCells& cells_a,
                   const FamilyCells& cells_b, RandomStream& stream) {
  std::map<double, std::pair<std::vector<size_t>, std::vector<size_t>>> by_budget;
  for (size_t i = 0; i < a.size(); ++i) by_budget[cells_a.cells[i].budget].first.push_back(i);
  for (size_t i = 0; i < b.size(); ++i) by_budget[cells_b.cells[i].budget].second.push_back(i);
  for (LossPoint& point : a) point.weight = 0;
  for (LossPoint& point : b) point.weight = 0;
  for (auto& [budget, ranks] : by_budget) {
    for (size_t k = 0; k < std::max(ranks.first.size(), ranks.second.size()); ++k) {
      const double place = stream.uniform();  // the same place in both, whatever their numbers of sizes
      if (k < ranks.first.size()) a[ranks.first[size_t(place * double(ranks.first.size()))]].weight += 1;
      if (k < ranks.second.size()) b[ranks.second[size_t(place * double(ranks.second.size()))]].weight += 1;
    }
  }
}

/// Whole trees are drawn, not their cells: the same places in both families.
void redraw_trees(std::vector<LossPoint>& a, std::vector<LossPoint>& b,
                  const std::vector<std::vector<size_t>>& trees_a,
                  const std::vector<std::vector<size_t>>& trees_b, RandomStream& stream) {
  for (LossPoint& point : a) point.weight = 0;
  for (LossPoint& point : b) point.weight = 0;
  for (size_t k = 0; k < std::max(trees_a.size(), trees_b.size()); ++k) {
    const double place = stream.uniform();
    if (k < trees_a.size())
      for (const size_t i : trees_a[size_t(place * double(trees_a.size()))]) a[i].weight += 1;
    if (k < trees_b.size())
      for (const size_t i : trees_b[size_t(place * double(trees_b.size()))]) b[i].weight += 1;
  }
}

}  // namespace

SurfaceComparison compare_surfaces(const SweepCells& sweep, const std::string& family_a,
                                   const std::string& family_b, const std::vector<double>& losses,
                                   int64_t replicates, uint64_t seed) {
  require(!losses.empty(), "compare_surfaces: no losses");
  const FamilyCells &cells_a = sweep.family(family_a), &cells_b = sweep.family(family_b);
  const std::vector<LossPoint> a = surface_points(cells_a), b = surface_points(cells_b);
  SurfaceComparison result;
  result.a = fit_chinchilla(a);
  result.b = fit_chinchilla(b);
  for (const auto& [name, fit] : {std::pair{&family_a, &result.a}, {&family_b, &result.b}}) {
    if (!fit->certificate.converged) {
      result.refusal = fmt::format("{}: L(N, D) not fitted: {}", *name, fit->certificate.reason);
      return result;
    }
  }
  result.mean = mean_multiplier(result.a.params, result.b.params, losses);
  if (!result.mean) {
    result.refusal = "a shared loss lies below a fitted floor";
    return result;
  }
  const auto trees_a = tree_clusters(cells_a), trees_b = tree_clusters(cells_b);
  const bool in_trees = trees_a.size() < a.size() || trees_b.size() < b.size();
  std::vector<std::optional<double>> drawn(replicates);
  parallel_for(replicates, [&](int64_t i) {
    RandomStream stream(seed, fmt::format("compare surfaces {} {} {}", family_a, family_b, i));
    std::vector<LossPoint> points_a = a, points_b = b;
    if (in_trees)
      redraw_trees(points_a, points_b, trees_a, trees_b, stream);
    else
      redraw_paired(points_a, points_b, cells_a, cells_b, stream);
    const FitOptions quick{.certify = false};
    const ChinchillaFit fit_a = fit_chinchilla(points_a, quick), fit_b = fit_chinchilla(points_b, quick);
    if (!fit_a.certificate.converged || !fit_b.certificate.converged) return;
    drawn[i] = mean_multiplier(fit_a.params, fit_b.params, losses);
  });
  std::vector<double> values;
  for (const auto& value : drawn) {
    if (value) values.push_back(*value);
  }
  result.replicates = replicates;
  result.refused = replicates - int64_t(values.size());
  if (2 * result.refused > replicates) {
    result.refusal = fmt::format("{} of {} replicates did not converge", result.refused, replicates);
    result.mean.reset();
    return result;
  }
  if (!values.empty()) result.interval = percentile_interval(values);
  return result;
}

}  // namespace aunet
