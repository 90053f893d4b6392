#include "analysis/estimate.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace aunet;

// scipy 1.17.1: stats.ttest_1samp(x, 0).confidence_interval(level); the two one-sided tests are
// ttest_1samp(x, -m, alternative="greater") and ttest_1samp(x, m, alternative="less").
TEST_CASE("intervals and the two one-sided tests of a mean are SciPy's", "[estimate]") {
  const Estimate e = mean_of_values({0.012, -0.004, 0.021, 0.009, 0.015, -0.001, 0.006});
  CHECK(e.value == Approx(0.008285714285714285).epsilon(1e-12));
  CHECK(e.standard_error == Approx(0.0033217485764943408).epsilon(1e-12));
  CHECK(e.interval(0.95).low == Approx(0.00015768832736632113).epsilon(1e-9));
  CHECK(e.interval(0.95).high == Approx(0.01641374024406225).epsilon(1e-9));
  CHECK(e.interval(0.90).low == Approx(0.0018309579550406952).epsilon(1e-9));
  CHECK(e.interval(0.90).high == Approx(0.01474047061638787).epsilon(1e-9));
  CHECK(2 * e.p_above(0) == Approx(0.04688320986559759).epsilon(1e-9));
  CHECK(e.p_above(-0.02) == Approx(7.183693212734885e-05).epsilon(1e-9));
  CHECK(e.p_below(0.02) == Approx(0.006209825718659579).epsilon(1e-9));
  CHECK(test_equivalence(e, 0.0145).p == Approx(0.05527902691096047).epsilon(1e-9));
  CHECK(test_equivalence(e, 0.0150).p == Approx(0.044868675599094).epsilon(1e-9));
}

TEST_CASE("equivalent means the 90 % interval inside the margin, which is p below 5 %", "[estimate]") {
  const Estimate e = mean_of_values({0.012, -0.004, 0.021, 0.009, 0.015, -0.001, 0.006});
  CHECK_FALSE(test_equivalence(e, 0.0145).equivalent);
  CHECK(test_equivalence(e, 0.0150).equivalent);
  for (double margin = 0.001; margin < 0.03; margin += 0.0007)
    CHECK(test_equivalence(e, margin).equivalent == (test_equivalence(e, margin).p < 0.05));
}

TEST_CASE("draws give percentiles, and an open end is never inside a margin", "[estimate]") {
  Estimate e;
  for (int i = 0; i <= 1000; ++i) e.draws.push_back(0.001 * i);  // uniform on [0, 1]
  CHECK(e.interval(0.90).low == Approx(0.05));
  CHECK(e.interval(0.90).high == Approx(0.95));
  CHECK(e.p_above(0.1) == Approx(102.0 / 1002));
  CHECK(e.p_below(0.1) == Approx(902.0 / 1002));
  CHECK(test_equivalence(e, 0.951).equivalent);
  CHECK_FALSE(test_equivalence(e, 0.949).equivalent);
  for (int i = 0; i < 100; ++i) e.draws.push_back(INFINITY);
  CHECK(std::isinf(e.interval(0.90).high));
  CHECK_FALSE(test_equivalence(e, 100).equivalent);
}
