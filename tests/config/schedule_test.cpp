#include "config/schedule.h"

#include "core/error.h"

#include <catch2/catch.hpp>

using namespace aunet;

TEST_CASE("ten steps with two of warm-up follow the hand-worked table", "[config]") {
  const ScheduleConfig schedule{.kind = "cosine", .warmup = 0.2, .floor = 0.01};
  // s / 2, then 0.01 + 0.99 (1 + cos(pi (s - 2) / 8)) / 2 with cos(pi/8 ... pi) from a table.
  const double expected[] = {0.5,   1.0,       0.9623204, 0.8550179, 0.6944283,
                             0.505, 0.3155717, 0.1549821, 0.0476796, 0.01};
  for (int64_t s = 1; s <= 10; ++s)
    CHECK(rate_factor(schedule, s, 10) == Approx(expected[s - 1]).epsilon(1e-6));
}

TEST_CASE("the first step has 1 / warm-up, the last exactly the floor", "[config]") {
  const ScheduleConfig schedule{.kind = "cosine", .warmup = 0.1, .floor = 0.05};
  CHECK(rate_factor(schedule, 1, 1000) == Approx(0.01));
  CHECK(rate_factor(schedule, 100, 1000) == 1.0);
  CHECK(rate_factor(schedule, 1000, 1000) == 0.05);
}

TEST_CASE("warm-up has at least one step when there is any, and none when there is none", "[config]") {
  CHECK(warmup_steps({.warmup = 0.1}, 1) == 1);
  CHECK(warmup_steps({.warmup = 0.001}, 50) == 1);
  CHECK(warmup_steps({.warmup = 0.1}, 1000) == 100);
  CHECK(warmup_steps({.warmup = 0}, 1000) == 0);
  CHECK(warmup_steps({.warmup = 1}, 7) == 7);
  CHECK(rate_factor({.warmup = 0.1, .floor = 0.01}, 1, 1) == 1.0);
  CHECK(rate_factor({.warmup = 0, .floor = 0.01}, 4, 4) == 0.01);
}

TEST_CASE("a step outside the run or an unknown schedule is a bug", "[config]") {
  CHECK_THROWS_AS(rate_factor({}, 0, 10), BugError);
  CHECK_THROWS_AS(rate_factor({}, 11, 10), BugError);
  CHECK_THROWS_AS(rate_factor({.kind = "linear"}, 1, 10), BugError);
}

TEST_CASE("ten wsd steps with two of warm-up and four of decay follow the hand-worked table", "[config]") {
  const ScheduleConfig schedule{.kind = "wsd", .warmup = 0.2, .floor = 0.01, .decay = 0.4};
  // s / 2, 1 up to step 6, then 0.01 + 0.99 (1 - sqrt(i / 4)): 1 - sqrt of arXiv 2405.18392 above our floor.
  const double expected[] = {0.5, 1, 1, 1, 1, 1, 0.505, 0.29996429, 0.14263485, 0.01};
  for (int64_t s = 1; s <= 10; ++s)
    CHECK(rate_factor(schedule, s, 10) == Approx(expected[s - 1]).epsilon(1e-7));
  CHECK(stable_steps(schedule, 10) == 6);
  CHECK(rate_factor(schedule, 10, 10) == 0.01);
}

TEST_CASE("a warm-up in steps does not depend on the horizon", "[config]") {
  const ScheduleConfig schedule{.kind = "wsd", .decay = 0.2, .warmup_steps = 5};
  for (const int64_t n : {3, 5, 6, 10, 1000}) {
    CAPTURE(n);
    CHECK(warmup_steps(schedule, n) == 5);
    CHECK(rate_factor(schedule, 2, n) == 0.4);
  }
  CHECK(stable_steps(schedule, 3) == 3);  // all of it warm-up
  CHECK(stable_steps(schedule, 6) == 5);
  CHECK(warmup_steps({.kind = "wsd", .warmup_steps = 0}, 10) == 0);
  CHECK(rate_factor({.kind = "wsd", .warmup_steps = 0}, 1, 10) == 1);
}

TEST_CASE("a longer wsd run never begins its decay earlier, and follows the shorter one until then",
          "[config]") {
  for (const double decay : {0.01, 0.1, 0.2, 0.5, 1.0}) {
    const ScheduleConfig schedule{.kind = "wsd", .decay = decay, .warmup_steps = 7};
    int64_t before = 0;
    for (int64_t n = 1; n <= 300; ++n) {
      const int64_t stable = stable_steps(schedule, n);
      REQUIRE(stable >= before);
      REQUIRE((stable < n || n <= 7));
      for (int64_t s = 1; s <= stable; ++s)
        REQUIRE(rate_factor(schedule, s, n) == rate_factor(schedule, s, n + 1));
      before = stable;
    }
  }
}

TEST_CASE("runs share a trunk when only their horizon and their decay differ", "[config]") {
  RunConfig a;
  a.model = TransformerConfig{};
  a.data.train_fingerprint = "t";
  a.schedule = {.kind = "wsd", .decay = 0.2, .warmup_steps = 4};
  a.horizon = {.windows = 400, .batch_windows = 4, .last_window_bytes = 17, .accumulation = 1};
  RunConfig b = a;
  b.horizon.windows = 801;
  b.horizon.last_window_bytes = 0;
  CHECK(trunk_key(a).size() == 16);
  CHECK(trunk_key(a) == trunk_key(b));
  CHECK(canonical(a) != canonical(b));
  CHECK(branch_step(a) == 80);
  CHECK(branch_step(b) == 161);
  CHECK(shared_steps(a, b) == 80);
  b.schedule.decay = 0.9;  // 181 of its 201 steps
  b.schedule.floor = 0.5;
  CHECK(shared_steps(a, b) == 20);
  RunConfig other = b;
  other.horizon.batch_windows = 5;
  CHECK(shared_steps(a, other) == 0);
  other = b;
  other.optim.lr = 1;
  CHECK(shared_steps(a, other) == 0);
  other = b;
  other.schedule.warmup_steps = -1;  // a share of its own horizon
  CHECK(trunk_key(other).empty());
  CHECK(shared_steps(other, other) == 0);
  other.schedule = {};
  CHECK(branch_step(other) == 0);
}

TEST_CASE("the last step of a run is never shared: its last window may be cut", "[config]") {
  RunConfig run;
  run.schedule = {.kind = "wsd", .decay = 0.2, .warmup_steps = 10};
  run.horizon = {.windows = 8, .batch_windows = 1, .last_window_bytes = 3, .accumulation = 1};
  CHECK(branch_step(run) == 7);
}
