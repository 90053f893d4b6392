#include "analysis/multiplier.h"
#include "synthetic_sweep.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <cmath>
#include <iostream>

using namespace aunet;

namespace {

SweepCells cells_of(const SyntheticSweep& sweep, uint64_t seed = 0) {
  RandomStream stream(seed, "multiplier test");
  return group_cells(synthetic_rows(sweep, stream));
}

SyntheticSweep sweep_with(double multiplier, double noise = 0.005) {
  SyntheticSweep sweep;
  sweep.families = families_with_multiplier(multiplier);
  sweep.noise = noise;
  return sweep;
}

Comparison compare(const SweepCells& cells, const char* a = "aunet2", const char* b = "bpe",
                   int64_t replicates = 400) {
  return compare_families(cells, a, b, {.cost = Cost::Useful, .replicates = replicates, .seed = 1});
}

}  // namespace

TEST_CASE("a curve without noise is recovered, with and without a floor", "[curve]") {
  std::vector<CurvePointXY> floor, power;
  for (int k = 0; k < 6; ++k) {
    const double c = 1e11 * std::pow(2, k);
    floor.push_back({c, 1.2 + 150 * std::pow(c, -0.16)});
    power.push_back({c, 30 * std::pow(c, -0.09)});
  }
  const CurveFit with = fit_curve(floor), without = fit_curve(power, CurveForm::Power);
  CHECK(with.floor);
  CHECK(with.curve.E == Approx(1.2).epsilon(1e-4));
  CHECK(with.curve.g == Approx(0.16).epsilon(1e-4));
  CHECK(without.curve.A == Approx(30).epsilon(1e-6));
  CHECK(without.curve.g == Approx(0.09).epsilon(1e-6));
  CHECK(with.curve.flops_at(with.curve.loss(3e11)) == Approx(3e11));
  CHECK(std::isinf(with.curve.flops_at(1.1)));
}

TEST_CASE("a curve through too little or too flat data is refused", "[curve]") {
  CHECK(fit_curve({{1e11, 3}, {2e11, 2.9}}).refusal == "2 budgets: a curve needs at least 3");
  CHECK(fit_curve({{1e11, 2.8}, {2e11, 2.9}, {4e11, 3}, {8e11, 3.1}}).refusal ==
        "the loss does not fall with compute");
}

TEST_CASE("the scale of compute or loss does not move a curve", "[curve]") {
  std::vector<CurvePointXY> points = {{1e11, 3.1}, {2e11, 2.86}, {4e11, 2.71}, {8e11, 2.55}, {1.6e12, 2.46}};
  const CurveFit fit = fit_curve(points);
  for (CurvePointXY& point : points) {
    point.flops *= 1e-11;
    point.loss *= std::log(2.0);
  }
  const CurveFit scaled = fit_curve(points);
  CHECK(scaled.curve.g == Approx(fit.curve.g).epsilon(1e-5));
  CHECK(scaled.curve.E == Approx(fit.curve.E * std::log(2.0)).epsilon(1e-4));
}

TEST_CASE("seeds of a cell are averaged and measure the noise", "[cells]") {
  const SweepCells cells = cells_of(sweep_with(1.4, 0.01));
  REQUIRE(cells.families.size() == 2);
  CHECK(cells.families[0].cells.size() == 20);
  CHECK(cells.families[0].cells[0].n_seeds == 3);
  CHECK_FALSE(cells.noise.assumed);
  CHECK(cells.noise.freedom == 32);  // 2 families, 2 budgets, 4 sizes, 2 each
  CHECK(cells.noise.sd == Approx(0.01).epsilon(0.4));
  SyntheticSweep alone = sweep_with(1.4);
  alone.seeds_at_ends = 1;
  CHECK(cells_of(alone).noise.assumed);
}

TEST_CASE("a planted multiplier lies inside its interval and a missing one is not found", "[multiplier]") {
  for (const double planted : {0.6, 1.0, 1.5, 2.5}) {
    const SyntheticSweep sweep = sweep_with(planted, 0.003);
    const Comparison result = compare(cells_of(sweep, 11));
    INFO(planted << ": " << result.refusal);
    REQUIRE(result.mean);
    const double truth = true_multiplier(sweep.families[0], sweep.families[1], result.losses);
    CHECK(truth == Approx(planted).epsilon(1e-6));  // the generator's own promise
    CHECK(result.mean_interval.contains(planted));
    CHECK(result.mean_interval.contains(1) == (planted == 1));
    CHECK(std::log(result.mean_interval.high / result.mean_interval.low) < 0.2);
  }
}

TEST_CASE("swapping the families inverts the headline", "[multiplier]") {
  const SweepCells cells = cells_of(sweep_with(1.5));
  CHECK(*compare(cells, "aunet2", "bpe").mean ==
        Approx(1 / *compare(cells, "bpe", "aunet2").mean).epsilon(1e-9));
}

TEST_CASE("a loss that the other family never reaches is a bound, not a number", "[multiplier]") {
  const Comparison ahead = compare(cells_of(sweep_with(1.5)));
  REQUIRE(ahead.points.size() == 5);
  CHECK(ahead.points[4].censored == 1);
  CHECK(ahead.points[4].multiplier == Approx(1));  // bpe's largest budget / this one
  CHECK(ahead.points[4].high_open);
  CHECK(ahead.points[0].censored == 0);
  const Comparison behind = compare(cells_of(sweep_with(0.6)));
  CHECK(behind.points[0].censored == -1);
  CHECK(behind.points[0].low_open);
}

TEST_CASE("a comparison that the data do not support is refused with its cure", "[multiplier]") {
  SyntheticSweep sweep = sweep_with(1.5);
  SECTION("no loss that both reach") {
    const Comparison result = compare(cells_of(sweep_with(200)));
    CHECK(result.refusal ==
          "no loss that both reach: aunet2 is better at its smallest budget than bpe at its largest");
    CHECK(result.cure == "run bpe at larger budgets");
    CHECK_FALSE(result.mean);
  }
  SECTION("hardly any") {
    const Comparison result = compare(cells_of(sweep_with(30)));
    CHECK(result.refusal.find("span a factor") != std::string::npos);
  }
  SECTION("two budgets") {
    sweep.budgets = {1e11, 4e11};
    CHECK(compare(cells_of(sweep)).refusal == "aunet2 and bpe share 2 finished budgets: wanted at least 3");
  }
  SECTION("the optimum outside the sizes") {
    sweep.centre_shift = 12;
    CHECK(compare(cells_of(sweep)).refusal ==
          "aunet2: the best size is at the edge of the sizes tried at 5 of 5 budgets");
  }
  SECTION("other held-out bytes") {
    RandomStream stream(0, "multiplier test");
    std::vector<FitInputRow> rows = synthetic_rows(sweep, stream);
    rows[3].row.heldout_bytes = 5;
    CHECK(compare(group_cells(rows)).refusal ==
          "the runs were evaluated on 2 different sets of held-out bytes");
  }
  SECTION("noise that hides the trend") {
    sweep.noise = 0.4;
    const Comparison result = compare(cells_of(sweep));
    CHECK((!result.refusal.empty() || result.mean_interval.contains(1)));
  }
}

TEST_CASE("a run without its seconds is not compared in seconds", "[multiplier]") {
  RandomStream stream(0, "multiplier test");
  std::vector<FitInputRow> rows = synthetic_rows(sweep_with(1.5), stream);
  rows[0].row.train_seconds.reset();
  const Comparison result = compare_families(group_cells(rows), "aunet2", "bpe",
                                             {.cost = Cost::Seconds, .replicates = 100, .seed = 0});
  CHECK(result.refusal == "aunet2 has a cell at 1e11 FLOPs without seconds");
}

TEST_CASE("the run whose removal changes the winner is named", "[multiplier]") {
  RandomStream stream(0, "multiplier test");
  SyntheticSweep sweep = sweep_with(1.0, 0);
  std::vector<FitInputRow> rows = synthetic_rows(sweep, stream);
  for (FitInputRow& input : rows) {  // one lucky cell makes aunet2 win
    if (input.row.family == "aunet2" && input.row.budget_flops == sweep.budgets[2] &&
        input.row.size_index == 1) {
      *input.row.loss_bpb *= 0.96;
    } else if (input.row.family == "aunet2") {
      *input.row.loss_bpb *= 1.001;
    }
  }
  const Comparison result = compare(group_cells(rows));
  REQUIRE(result.mean);
  REQUIRE(*result.mean > 1);
  REQUIRE_FALSE(result.influence.empty());
  CHECK(result.influence[0].flips);
  CHECK(result.influence[0].budget == sweep.budgets[2]);
}

TEST_CASE("the surfaces give the planted multiplier too", "[multiplier]") {
  const SyntheticSweep sweep = sweep_with(1.5, 0.002);
  const SweepCells cells = cells_of(sweep);
  const Comparison direct = compare(cells);
  const SurfaceComparison surfaces = compare_surfaces(cells, "aunet2", "bpe", direct.losses, 100, 1);
  REQUIRE(surfaces.mean);
  CHECK(*surfaces.mean == Approx(1.5).epsilon(0.03));
  CHECK(surfaces.interval.contains(1.5));
}

TEST_CASE("intervals of the multiplier cover the truth, and no difference is seldom found",
          "[multiplier][slow]") {
  std::cout << "planted  noise  seeds  sweeps  covered  finds M != 1  mean width of ln M\n";
  for (const double planted : {1.0, 1.5}) {
    for (const double noise : {0.003, 0.01}) {
      for (const int seeds : {1, 3}) {
        int covered = 0, rejected = 0, total = 0;
        double width = 0;
        for (uint64_t i = 0; i < 150; ++i) {
          SyntheticSweep sweep = sweep_with(planted, noise);
          sweep.seeds_at_ends = seeds;
          const Comparison result = compare(cells_of(sweep, 1000 + i), "aunet2", "bpe", 400);
          if (!result.mean) continue;
          ++total;
          covered += result.mean_interval.contains(planted);
          rejected += !result.mean_interval.contains(1);
          width += std::log(result.mean_interval.high / result.mean_interval.low);
        }
        REQUIRE(total > 100);
        std::cout << fmt::format("{:7}  {:5}  {:5}  {:6}  {:6.1f}%  {:11.1f}%  {:.3f}\n", planted, noise,
                                 seeds, total, 100.0 * covered / total, 100.0 * rejected / total,
                                 width / total);
        CHECK(covered >= 0.88 * total);
        if (planted == 1) CHECK(rejected <= 0.10 * total);
      }
    }
  }
}
