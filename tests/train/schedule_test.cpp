#include "train/schedule.h"

#include "core/error.h"

#include <catch2/catch.hpp>

using namespace aunet;

TEST_CASE("ten steps with two of warm-up follow the hand-worked table", "[train]") {
  const ScheduleConfig schedule{.kind = "cosine", .warmup = 0.2, .floor = 0.01};
  // s / 2, then 0.01 + 0.99 (1 + cos(pi (s - 2) / 8)) / 2 with cos(pi/8 ... pi) from a table.
  const double expected[] = {0.5,   1.0,       0.9623204, 0.8550179, 0.6944283,
                             0.505, 0.3155717, 0.1549821, 0.0476796, 0.01};
  for (int64_t s = 1; s <= 10; ++s)
    CHECK(rate_factor(schedule, s, 10) == Approx(expected[s - 1]).epsilon(1e-6));
}

TEST_CASE("the first step has 1 / warm-up, the last exactly the floor", "[train]") {
  const ScheduleConfig schedule{.kind = "cosine", .warmup = 0.1, .floor = 0.05};
  CHECK(rate_factor(schedule, 1, 1000) == Approx(0.01));
  CHECK(rate_factor(schedule, 100, 1000) == 1.0);
  CHECK(rate_factor(schedule, 1000, 1000) == 0.05);
}

TEST_CASE("warm-up has at least one step when there is any, and none when there is none", "[train]") {
  CHECK(warmup_steps({.warmup = 0.1}, 1) == 1);
  CHECK(warmup_steps({.warmup = 0.001}, 50) == 1);
  CHECK(warmup_steps({.warmup = 0.1}, 1000) == 100);
  CHECK(warmup_steps({.warmup = 0}, 1000) == 0);
  CHECK(warmup_steps({.warmup = 1}, 7) == 7);
  CHECK(rate_factor({.warmup = 0.1, .floor = 0.01}, 1, 1) == 1.0);
  CHECK(rate_factor({.warmup = 0, .floor = 0.01}, 4, 4) == 0.01);
}

TEST_CASE("a step outside the run or an unknown schedule is a bug", "[train]") {
  CHECK_THROWS_AS(rate_factor({}, 0, 10), BugError);
  CHECK_THROWS_AS(rate_factor({}, 11, 10), BugError);
  CHECK_THROWS_AS(rate_factor({.kind = "wsd"}, 1, 10), BugError);
}
