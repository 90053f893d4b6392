#include "analysis/bootstrap.h"
#include "analysis/chinchilla.h"
#include "analysis/csv.h"
#include "analysis/frontier.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>

using namespace aunet;

namespace {

/// The 245 points that Besiroglu et al. took from Hoffmann et al.'s figure, as (N, D = C / 6N, loss), by
/// loss; empty (and said so) when the larger data are not there. They have no licence, so they stay outside
/// the tree.
std::vector<LossPoint> chinchilla_points(size_t drop_highest) {
  const char* data = std::getenv("AUNET_DATA");
  const std::string root = data != nullptr ? data : std::string(AUNET_SOURCE_DIR) + "/../shared/data";
  const std::string path = root + "/scaling/chinchilla_epoch/svg_extracted_data.csv";
  std::vector<LossPoint> points;
  if (!std::filesystem::exists(path)) {
    std::cout << "skipped: no " << path << " (set AUNET_DATA)\n";
    return points;
  }
  const CsvTable table = read_csv(path);
  for (size_t i = 0; i < table.rows.size(); ++i) {
    const double n = *table.positive(i, table.column("Model Size")),
                 c = *table.positive(i, table.column("Training FLOP"));
    points.push_back(
        {.n = n, .d = c / (6 * n), .loss = *table.positive(i, table.column("loss")), .cluster = int64_t(i)});
  }
  std::stable_sort(points.begin(), points.end(),
                   [](const LossPoint& a, const LossPoint& b) { return a.loss < b.loss; });
  points.resize(points.size() - drop_highest);
  return points;
}

/// Hoffmann et al. 2022's rounded law on a 7 x 8 grid, with noise.
std::vector<LossPoint> synthetic_points(double noise, uint64_t seed) {
  const ChinchillaParams truth{.A = 406.4, .B = 410.7, .E = 1.69, .alpha = 0.34, .beta = 0.28};
  RandomStream stream(seed, "test points");
  std::vector<LossPoint> points;
  for (int i = 0; i < 7; ++i) {
    for (int j = 0; j < 8; ++j) {
      const double n = 5e7 * std::pow(2.3, i), d = 1e9 * std::pow(2.1, j);
      points.push_back({.n = n,
                        .d = d,
                        .loss = truth.loss(n, d) * std::exp(noise * stream.normal()),
                        .cluster = int64_t(points.size())});
    }
  }
  return points;
}

}  // namespace

TEST_CASE("the 240 Chinchilla points give the known optimum at every scale of the objective", "[fit]") {
  const std::vector<LossPoint> points = chinchilla_points(5);
  if (points.empty()) return;
  REQUIRE(points.size() == 240);
  for (const double scale : {1e-4, 1e-2, 1.0, 1e2, 1e4}) {
    const ChinchillaFit fit = fit_chinchilla(points, {.objective_scale = scale});
    CHECK(fit.objective == Approx(1.018274018e-3).epsilon(1e-8));  // T1 of reference/sweeps-and-fits.md
    CHECK(fit.params.A == Approx(477.826).margin(0.05));
    CHECK(fit.params.B == Approx(2143.42).margin(0.6));
    CHECK(fit.params.E == Approx(1.817218).margin(3e-5));
    CHECK(fit.params.alpha == Approx(0.347310).margin(2e-5));
    CHECK(fit.params.beta == Approx(0.367172).margin(2e-5));
    CHECK(fit.certificate.converged);
    CHECK(fit.certificate.newton_decrement < 1e-6);
    CHECK(fit.certificate.second_solver_distance.value() < 1e-5);
    CHECK(fit.certificate.bounds_hit.empty());
  }
}

TEST_CASE("all 245 points reach the lower of the published minima", "[fit]") {
  const std::vector<LossPoint> points = chinchilla_points(0);
  if (points.empty()) return;
  const ChinchillaFit fit = fit_chinchilla(points);
  CHECK(fit.objective <= 1.82601e-3 * (1 + 1e-6));  // T6: global minimum not proved there
  CHECK(fit.params.beta == Approx(0.453).margin(0.001));
}

TEST_CASE("the frontier of the Chinchilla fit is the known one", "[frontier]") {
  const ChinchillaParams t1{.A = 477.826, .B = 2143.42, .E = 1.817218, .alpha = 0.347310, .beta = 0.367172};
  struct Row {
    double c, loss, n;
  };
  for (const Row& row : {Row{1e18, 3.4890, 8.02e7}, {1e19, 2.9257, 2.619e8}, {1e20, 2.5521, 8.55e8}}) {  // T7
    const SurfaceOptimum optimum = surface_optimum(t1, row.c);
    CHECK(optimum.loss == Approx(row.loss).margin(5e-5));
    CHECK(optimum.n == Approx(row.n).epsilon(1e-3));
    CHECK(6 * optimum.n * optimum.d == Approx(row.c));
  }
  const SurfaceOptimum gopher = surface_optimum(t1, 5.76e23);
  CHECK(gopher.d / gopher.n == Approx(17.9).margin(0.05));
}

TEST_CASE("an optimum under C = kappa N^p D is a minimum along that curve", "[frontier]") {
  const ChinchillaParams p{.A = 12, .B = 190, .E = 1, .alpha = 0.24, .beta = 0.32};
  const double c = 1e12, kappa = 9, power = 1.3;
  const SurfaceOptimum best = surface_optimum(p, c, kappa, power);
  for (const double factor : {0.9, 0.99, 1.01, 1.1}) {
    const double n = best.n * factor;
    CHECK(p.loss(n, c / (kappa * std::pow(n, power))) > best.loss);
  }
}

TEST_CASE("points without noise give their law back to a millionth", "[fit]") {
  for (const double huber : {1e-3, 1e-2}) {
    const ChinchillaFit fit = fit_chinchilla(synthetic_points(0, 1), {.huber_delta = huber});  // T11
    CHECK(fit.params.A == Approx(406.4).epsilon(1e-6));
    CHECK(fit.params.B == Approx(410.7).epsilon(1e-6));
    CHECK(fit.params.E == Approx(1.69).epsilon(1e-6));
    CHECK(fit.params.alpha == Approx(0.34).epsilon(1e-6));
    CHECK(fit.params.beta == Approx(0.28).epsilon(1e-6));
    CHECK(fit.certificate.converged);
  }
}

TEST_CASE("no brute search around a fit finds a lower objective", "[fit]") {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const std::vector<LossPoint> points = synthetic_points(0.01, seed);
    const ChinchillaFit fit = fit_chinchilla(points);
    REQUIRE(fit.certificate.converged);
    RandomStream stream(seed, "brute");
    double lowest = 1e300;
    for (int trial = 0; trial < 2000; ++trial) {
      const double reach = std::pow(10, -5 * stream.uniform());  // from everywhere to next door
      const auto shake = [&](double value) { return value * std::exp(reach * stream.normal()); };
      const ChinchillaParams other{.A = shake(fit.params.A),
                                   .B = shake(fit.params.B),
                                   .E = shake(fit.params.E),
                                   .alpha = shake(fit.params.alpha),
                                   .beta = shake(fit.params.beta)};
      lowest = std::min(lowest, chinchilla_objective(points, other, 1e-3));
    }
    CHECK(lowest >= fit.objective * (1 - 1e-9));
  }
}

TEST_CASE("units of N, D and loss change nothing but their own parameters", "[fit]") {
  std::vector<LossPoint> points = synthetic_points(0.01, 3);
  const ChinchillaFit fit = fit_chinchilla(points);
  for (LossPoint& point : points) {
    point.n *= 1e-9;
    point.d *= 4.5;
    point.loss /= std::log(2.0);
  }
  const ChinchillaFit scaled = fit_chinchilla(points);
  CHECK(scaled.params.alpha == Approx(fit.params.alpha).epsilon(1e-6));
  CHECK(scaled.params.beta == Approx(fit.params.beta).epsilon(1e-6));
  CHECK(scaled.params.E == Approx(fit.params.E / std::log(2.0)).epsilon(1e-6));
  CHECK(scaled.objective == Approx(fit.objective).epsilon(1e-9));
}

TEST_CASE("data that cannot carry five parameters are refused in words", "[fit]") {
  const std::vector<LossPoint> good = synthetic_points(0.01, 4);
  const auto reason = [](const std::vector<LossPoint>& points) {
    const ChinchillaFit fit = fit_chinchilla(points);
    CHECK_FALSE(fit.certificate.converged);
    return fit.certificate.reason;
  };
  CHECK(reason({}) == "0 distinct (N, D) points for 5 parameters: wanted at least 7");
  CHECK(reason({good.begin(), good.begin() + 6}) ==
        "6 distinct (N, D) points for 5 parameters: wanted at least 7");
  CHECK(reason({good.begin(), good.begin() + 8}) == "1 distinct values of N: wanted at least 3");
  std::vector<LossPoint> one_ratio;  // D = 20 N: the two terms cannot be told apart
  for (int i = 0; i < 20; ++i) {
    const double n = 1e7 * std::pow(1.7, i);
    one_ratio.push_back({.n = n, .d = 20 * n, .loss = 1.7 + 30 * std::pow(n, -0.3)});
  }
  CHECK_FALSE(reason(one_ratio).empty());
  std::vector<LossPoint> flat = good;
  for (LossPoint& point : flat) point.loss = 3;
  CHECK_FALSE(reason(flat).empty());
}

TEST_CASE("a replicate keeps every stratum's number of clusters and draws clusters whole", "[bootstrap]") {
  std::vector<LossPoint> points = synthetic_points(0.01, 5);
  for (size_t i = 0; i < points.size(); ++i) {
    points[i].stratum = int64_t(i / 8);
    points[i].cluster = int64_t(i / 2);
  }
  RandomStream stream(1, "test");
  const std::vector<LossPoint> drawn = resample(points, stream);
  for (size_t s = 0; s < 7; ++s) {
    double total = 0;
    for (size_t i = 8 * s; i < 8 * s + 8; ++i) total += drawn[i].weight;
    CHECK(total == 8);
  }
  for (size_t i = 0; i < points.size(); i += 2) CHECK(drawn[i].weight == drawn[i + 1].weight);
}

TEST_CASE("a bootstrap repeats itself for a seed and moves with another", "[bootstrap]") {
  const std::vector<LossPoint> points = synthetic_points(0.01, 6);
  const FitBootstrap a = bootstrap_chinchilla(points, 40, 1), b = bootstrap_chinchilla(points, 40, 1),
                     c = bootstrap_chinchilla(points, 40, 2);
  CHECK(a.intervals.at("alpha").low == b.intervals.at("alpha").low);
  CHECK(a.intervals.at("alpha").low != c.intervals.at("alpha").low);
}

TEST_CASE("percentiles of a known list", "[bootstrap]") {
  std::vector<double> values;
  for (int i = 0; i <= 1000; ++i) values.push_back(i);
  const Interval interval = percentile_interval(values);
  CHECK(interval.low == Approx(25));
  CHECK(interval.high == Approx(975));
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(percentile_interval({1, 2, infinity}, 0.5).low == 1.5);
  CHECK(percentile_interval({1, 2, infinity}, 1.0).high == infinity);
  CHECK(percentile_interval({1, 2, infinity}, 0.0).low == 2);
}

TEST_CASE("the bootstrap's standard errors on the 240 points are the published ones", "[bootstrap][slow]") {
  const std::vector<LossPoint> points = chinchilla_points(5);
  if (points.empty()) return;
  const auto start = std::chrono::steady_clock::now();
  const FitBootstrap bootstrap = bootstrap_chinchilla(points, 4000, 0);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::cout << fmt::format("4000 full-restart replicates: {:.1f} s, {} refused\n", seconds,
                           bootstrap.refused);
  // T3, Epoch's 4000 (arXiv 2404.10102): 15 %; A and B are too heavy-tailed to compare.
  CHECK(bootstrap.standard_errors.at("E") == Approx(0.0257).epsilon(0.15));
  CHECK(bootstrap.standard_errors.at("alpha") == Approx(0.0154).epsilon(0.15));
  CHECK(bootstrap.standard_errors.at("beta") == Approx(0.0206).epsilon(0.15));
  CHECK(bootstrap.standard_errors.at("a") == Approx(0.020).epsilon(0.15));
  CHECK(bootstrap.intervals.at("E").low == Approx(1.769).margin(0.01));
  CHECK(bootstrap.intervals.at("E").high == Approx(1.871).margin(0.01));
}

TEST_CASE("a fit of 240 points takes less than 50 ms", "[fit][slow]") {
  const std::vector<LossPoint> points = chinchilla_points(5);
  if (points.empty()) return;
  double best = 1e9;
  for (int i = 0; i < 20; ++i) {
    const auto start = std::chrono::steady_clock::now();
    fit_chinchilla(points);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::cout << fmt::format("fit with certificate: {:.1f} ms\n", 1e3 * best);
  CHECK(best < 0.05);
}
