// Runs of one run tree are not independent samples.
#include "analysis/check.h"
#include "analysis/conclusion.h"
#include "analysis/multiplier.h"
#include "analysis/multiplier_sketch.h"
#include "synthetic_sweep.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <cmath>

using namespace aunet;

namespace {

/// The synthetic sweep, each size and seed a tree over its budgets.
std::vector<FitInputRow> in_trees(std::vector<FitInputRow> rows) {
  for (FitInputRow& input : rows)
    input.row.tree = fmt::format("{} {} {}", input.row.family, input.row.dims, *input.row.seed);
  return rows;
}

std::vector<FitInputRow> rows_of(double multiplier) {
  SyntheticSweep sweep;
  sweep.families = families_with_multiplier(multiplier);
  RandomStream stream(7, "trees");
  return synthetic_rows(sweep, stream);
}

FamilyCells two_cells(const std::string& tree_a, const std::string& tree_b) {
  FamilyCells family;
  for (const auto& [budget, tree] : {std::pair{1e10, tree_a}, std::pair{2e10, tree_b}}) {
    SizeCell cell;
    cell.budget = cell.flops_useful = budget;
    cell.loss_bpb = 1;
    cell.n_seeds = 1;
    FinalRow row;
    row.tree = tree;
    row.key = fmt::format("{}", budget);
    cell.rows = {row};
    family.cells.push_back(cell);
  }
  return family;
}

struct Moments {
  double sd = 0, correlation = 0;
};

Moments moments_of(const FamilyCells& family) {
  const Sketch sketch = make_sketch(family, Cost::Useful, {});
  RandomStream stream(0, "moments");
  double xx = 0, yy = 0, xy = 0;
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) {
    const auto points = best_points(sketch, 0.01, &stream);
    const double x = std::log(points[0].loss), y = std::log(points[1].loss);
    xx += x * x / kDraws;
    yy += y * y / kDraws;
    xy += x * y / kDraws;
  }
  return {std::sqrt(0.5 * (xx + yy)), xy / std::sqrt(xx * yy)};
}

}  // namespace

TEST_CASE("cells of one tree share half of their noise, others none; each keeps its variance", "[analysis]") {
  const Moments same = moments_of(two_cells("t", "t")), other = moments_of(two_cells("t", "u")),
                alone = moments_of(two_cells("", ""));
  CHECK(same.correlation == Approx(kTreeShare).margin(0.02));
  CHECK(other.correlation == Approx(0).margin(0.02));
  CHECK(alone.correlation == Approx(0).margin(0.02));
  for (const Moments& moments : {same, other, alone}) CHECK(moments.sd == Approx(0.01).epsilon(0.02));
}

TEST_CASE("trees are counted beside runs, and the headline keeps its value", "[analysis]") {
  const SweepCells alone = group_cells(rows_of(1.5)), trees = group_cells(in_trees(rows_of(1.5)));
  const std::string a = trees.families[0].name, b = trees.families[1].name;
  CHECK(alone.family(a).n_trees() == alone.family(a).n_runs());
  CHECK(trees.family(a).n_runs() == alone.family(a).n_runs());
  CHECK(trees.family(a).n_trees() < trees.family(a).n_runs());
  const CompareOptions options{.replicates = 200};
  const Comparison one = compare_families(alone, a, b, options), two = compare_families(trees, a, b, options);
  REQUIRE(one.mean);
  REQUIRE(two.mean);
  CHECK(*one.mean == *two.mean);  // only the interval knows of trees
  CHECK(one.mean_interval.low != two.mean_interval.low);
}

TEST_CASE("surfaces are redrawn tree by tree", "[analysis]") {
  const SweepCells trees = group_cells(in_trees(rows_of(1.5)));
  const std::string a = trees.families[0].name, b = trees.families[1].name;
  const Comparison main = compare_families(trees, a, b, {.replicates = 50});
  REQUIRE(main.mean);
  const SurfaceComparison surface = compare_surfaces(trees, a, b, main.losses, 50, 0);
  if (surface.refusal.empty()) {
    CHECK(surface.interval.low <= *surface.mean * 1.2);
    CHECK(surface.interval.high >= *surface.mean / 1.2);
  } else {
    CHECK(surface.refusal.find("replicates") != std::string::npos);
  }
}

TEST_CASE("families with different schedules are warned about", "[analysis]") {
  std::vector<FitInputRow> rows = rows_of(1.5);
  const auto n_found = [&] {
    const auto findings = check_runs(rows);
    return std::count_if(findings.begin(), findings.end(),
                         [](const Finding& f) { return f.name == "unequal_schedules"; });
  };
  for (FitInputRow& input : rows) input.row.schedule = "cosine";
  CHECK(n_found() == 0);
  for (FitInputRow& input : rows)
    if (input.row.family == rows[0].row.family) input.row.schedule = "wsd";
  CHECK(n_found() == 1);
}
