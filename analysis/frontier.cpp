#include "analysis/frontier.h"

#include <Eigen/Dense>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

namespace aunet {

std::vector<EnvelopePoint> envelope(const FamilyCells& family, const SeedNoise& noise) {
  std::vector<EnvelopePoint> points;
  for (const double budget : family.budgets()) {
    const std::vector<const SizeCell*> sizes = family.at(budget);
    const auto best = std::min_element(sizes.begin(), sizes.end(), [](const SizeCell* a, const SizeCell* b) {
      return a->loss_bpb < b->loss_bpb;
    });
    EnvelopePoint point{
        .budget = budget, .best = *best, .n_sizes = sizes.size(), .at_edge = false, .edge = ""};
    if (sizes.size() >= 2 && (best == sizes.begin() || best + 1 == sizes.end())) {
      const SizeCell* neighbour = best == sizes.begin() ? *(best + 1) : *(best - 1);
      point.at_edge =
          std::log(neighbour->loss_bpb / (*best)->loss_bpb) > noise.difference_bar(**best, *neighbour);
      if (point.at_edge) point.edge = best == sizes.begin() ? "smallest" : "largest";
    }
    points.push_back(point);
  }
  return points;
}

SurfaceOptimum surface_optimum(const ChinchillaParams& params, double flops, double kappa, double p) {
  // dL/dN = 0 along D = C / (kappa N^p): N^(alpha + p beta) = alpha A / (p beta B) (C / kappa)^beta
  const double power = params.alpha + p * params.beta;
  const double log_n = (std::log(params.alpha * params.A / (p * params.beta * params.B)) +
                        params.beta * std::log(flops / kappa)) /
                       power;
  SurfaceOptimum optimum;
  optimum.n = std::exp(log_n);
  optimum.d = flops / (kappa * std::pow(optimum.n, p));
  optimum.loss = params.loss(optimum.n, optimum.d);
  return optimum;
}

std::vector<std::vector<size_t>> tree_clusters(const FamilyCells& family) {
  std::map<std::string, std::vector<size_t>> by_tree;
  for (size_t i = 0; i < family.cells.size(); ++i) {
    const auto& rows = family.cells[i].rows;
    const auto first = std::min_element(rows.begin(), rows.end(), [](const FinalRow& x, const FinalRow& y) {
      return std::tie(x.seed, x.key) < std::tie(y.seed, y.key);
    });
    by_tree[first == rows.end() || first->tree.empty() ? fmt::format("cell {}", i) : first->tree].push_back(
        i);
  }
  std::vector<std::vector<size_t>> clusters;
  for (auto& [tree, members] : by_tree) clusters.push_back(std::move(members));
  const auto place = [&](const std::vector<size_t>& members) {
    const SizeCell& cell = family.cells[members.front()];
    return std::tuple(cell.flops_per_byte, cell.budget);
  };
  std::sort(clusters.begin(), clusters.end(),
            [&](const auto& x, const auto& y) { return place(x) < place(y); });
  return clusters;
}

std::vector<LossPoint> surface_points(const FamilyCells& family) {
  std::vector<LossPoint> points;
  const std::vector<double> budgets = family.budgets();
  const std::vector<std::vector<size_t>> clusters = tree_clusters(family);
  const bool in_trees = clusters.size() < family.cells.size();
  std::vector<int64_t> cluster(family.cells.size());
  for (size_t c = 0; c < clusters.size(); ++c)
    for (const size_t i : clusters[c]) cluster[i] = int64_t(c);
  for (size_t i = 0; i < family.cells.size(); ++i) {
    const SizeCell& cell = family.cells[i];
    const auto stratum = std::find(budgets.begin(), budgets.end(), cell.budget) - budgets.begin();
    points.push_back({.n = cell.flops_useful / (6 * cell.bytes),
                      .d = cell.bytes,
                      .loss = cell.loss_bpb,
                      .weight = 1,
                      .stratum = in_trees ? 0 : int64_t(stratum),
                      .cluster = cluster[i]});
  }
  return points;
}

std::vector<IsoflopParabola> isoflop_parabolas(const FamilyCells& family) {
  std::vector<IsoflopParabola> parabolas;
  for (const double budget : family.budgets()) {
    const std::vector<const SizeCell*> sizes = family.at(budget);
    IsoflopParabola parabola{.budget = budget, .a = 0, .b = 0, .c = 0, .optimum = {}, .refusal = ""};
    if (sizes.size() < 3) {
      parabola.refusal = fmt::format("{} sizes: a parabola needs 3", sizes.size());
      parabolas.push_back(parabola);
      continue;
    }
    const double middle = std::log(sizes.front()->flops_per_byte * sizes.back()->flops_per_byte) / 2;
    Eigen::MatrixXd design(sizes.size(), 3);
    Eigen::VectorXd loss(sizes.size());
    for (size_t i = 0; i < sizes.size(); ++i) {
      const double x = std::log(sizes[i]->flops_per_byte) - middle;
      design.row(Eigen::Index(i)) << 1, x, x * x;
      loss[Eigen::Index(i)] = sizes[i]->loss_bpb;
    }
    const Eigen::Vector3d centred = design.colPivHouseholderQr().solve(loss);
    parabola.c = centred[2];
    parabola.b = centred[1] - 2 * middle * centred[2];
    parabola.a = centred[0] - middle * centred[1] + middle * middle * centred[2];
    const double lowest = std::exp(middle - centred[1] / (2 * centred[2]));
    if (centred[2] > 0 && lowest >= sizes.front()->flops_per_byte && lowest <= sizes.back()->flops_per_byte) {
      parabola.optimum = lowest;
    }
    parabolas.push_back(parabola);
  }
  return parabolas;
}

}  // namespace aunet
