#include "db/step_line.h"

#include "core/random.h"
#include "synthetic.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>

using namespace aunet;
using namespace aunet::testing;

namespace {

/// Bit for bit, NaN included.
bool same(const StepRecord& a, const StepRecord& b) {
  return std::memcmp(&a, &b, offsetof(StepRecord, cut_rows)) == 0 && a.cut_rows == b.cut_rows;
}

double any_double(RandomStream& random) {
  const uint64_t bits = random.next_u64();
  double value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return std::isfinite(value) ? value : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

TEST_CASE("the quick reader of step lines gives bit for bit what the JSON reader gives", "[db]") {
  static_assert(offsetof(StepRecord, cut_rows) == 12 * 8, "no padding: numbers can be compared as memory");
  RandomStream random(3, "steps");
  for (int i = 0; i < 2000; ++i) {
    StepRecord record =
        step(static_cast<int64_t>(random.below(5)), static_cast<int64_t>(random.below(1'000'000)));
    for (double* value :
         {&record.flops_useful, &record.flops_paper, &record.flops_executed, &record.loss_nats,
          &record.loss_bpb, &record.lr, &record.grad_norm, &record.seconds}) {
      *value = i % 2 ? any_double(random) : random.normal();
    }
    const std::string line = to_json_line(record);
    const auto quick = parse_step_line(line);
    const auto whole = parse_journal_line(line);
    INFO(line);
    REQUIRE(quick);
    REQUIRE(whole);
    REQUIRE(same(*quick, std::get<StepRecord>(*whole)));
  }
}

TEST_CASE("the quick reader leaves every other line to the JSON reader", "[db]") {
  const std::string line = to_json_line(step(1, 7));
  for (size_t n = 0; n < line.size(); ++n) CHECK_FALSE(parse_step_line(line.substr(0, n)));
  CHECK_FALSE(parse_step_line(line + " "));
  CHECK_FALSE(parse_step_line(to_json_line(attempt(1))));
  StepRecord capped = step(1, 7);
  capped.cut_rows = 3;
  CHECK_FALSE(parse_step_line(to_json_line(capped)));
  CHECK(std::get<StepRecord>(*parse_journal_line(to_json_line(capped))).cut_rows == 3);
  std::string spaced = line;
  spaced.insert(spaced.find("\"step\":7") + 7, " ");
  CHECK_FALSE(parse_step_line(spaced));
  CHECK(parse_journal_line(spaced));
  std::string infinite = line;
  infinite.replace(infinite.find("0.03"), 4, "inf");
  CHECK_FALSE(parse_step_line(infinite));
}
