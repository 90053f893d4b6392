// The picture of `aunet status --watch`: what is on top, that it fits, and what a pipe gets instead.
#include "cli/watch.h"
#include "fixture.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>

using namespace aunet;
using Catch::Contains;

namespace {

StatusRow row(const std::string& key, const std::string& status) {
  StatusRow made{.key = key,
                 .sweep = "s",
                 .family = "aunet2_wide_name",
                 .budget_flops = 1.6e11,
                 .n_steps = 200,
                 .state = {}};
  made.state.status = status;
  if (status == "new") return made;
  made.state.step = 50;
  made.state.last = StepRecord{.attempt = 1, .step = 50, .loss_bpb = 2.71828};
  made.state.bytes_per_second = 123456;
  made.state.seconds_per_step = 2;
  if (status == "done") made.state.heldout_bpb = 2.5;
  if (status == "failed") made.state.cause = "crash", made.state.message = std::string(200, 'm') + "\nsecond";
  return made;
}

std::vector<StatusRow> rows() {
  return {row("aaaaaaaaaaaaaaaa", "done"),    row("bbbbbbbbbbbbbbbb", "new"),
          row("cccccccccccccccc", "running"), row("dddddddddddddddd", "interrupted"),
          row("eeeeeeeeeeeeeeee", "failed"),  row("ffffffffffffffff", "running")};
}

size_t characters(const std::string& line) {
  return static_cast<size_t>(std::count_if(
      line.begin(), line.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

TEST_CASE("failures are on top, then what runs; every line fits", "[cli][watch]") {
  for (const size_t width : {60, 80, 99, 100, 120, 200}) {
    const auto lines =
        watch_picture(rows(), "runs", "12:00:00", {.width = width, .height = 24, .colour = false});
    REQUIRE(lines.size() == 8);
    for (const std::string& line : lines) {
      INFO(width << ": " << line);
      CHECK(characters(line) <= width);
      CHECK(line.find('\n') == std::string::npos);
    }
    if (width >= 80) CHECK_THAT(lines[0], Contains("1 failed, 2 running, 1 stopped, 1 waiting, 1 done"));
    CHECK_THAT(lines[2], Contains("eeeeeeee") && Contains("FAIL crash: mmm"));
    CHECK_THAT(lines[3], Contains("cccccccc"));
    CHECK_THAT(lines[4], Contains("ffffffff"));
    CHECK_THAT(lines[5], Contains("dddddddd"));
    CHECK_THAT(lines[6], Contains("bbbbbbbb"));
    CHECK_THAT(lines[7], Contains("aaaaaaaa"));
  }
  const auto lines = watch_picture(rows(), "runs", "12:00:00", {.width = 80, .height = 24, .colour = false});
  CHECK_THAT(lines[3],
             Contains("25%") && Contains("2.7183") && Contains("123 kB/s") && Contains("5 min 0 s"));
  CHECK_THAT(lines[7], Contains("########") && Contains("100%") && Contains("2.5000*"));
}

TEST_CASE("what does not fit on the screen is counted", "[cli][watch]") {
  std::vector<StatusRow> many = rows();
  for (int i = 0; i < 100; ++i) many.push_back(row(fmt::format("{:016x}", i), i % 2 ? "done" : "new"));
  const auto lines = watch_picture(many, "runs", "12:00:00", {.width = 80, .height = 10, .colour = false});
  REQUIRE(lines.size() == 10);
  CHECK(lines.back() == "... and 99 more: 48 waiting, 51 done");
}

TEST_CASE("a pipe gets a line for every change of state, and the end", "[cli][watch]") {
  std::vector<StatusRow> before = rows(), after = before;
  after[2].state.status = "done";
  CHECK(watch_lines(before, before).empty());
  REQUIRE(watch_lines(before, after).size() == 1);
  CHECK_THAT(watch_lines(before, after)[0],
             Contains("cccccccccccccccc aunet2_wide_name 1.6e11 done, step 50/200"));
  const SweepFixture fixture;
  fixture.without_tuning();
  const auto sweep = fixture.start_sweep("step_ms=10");
  const Finished watched = run({AUNET_BIN_DIR "/aunet", "status", "--watch", "--runs", fixture.runs().path},
                               {}, fixture.path("watched"));
  INFO(watched.out << watched.err);
  CHECK(watched.code == 0);
  CHECK(sweep->wait().code == 0);
  CHECK_THAT(watched.out, Contains("8 done") && !Contains("\x1b"));
}
