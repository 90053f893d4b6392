#include "analysis/tuned_settings.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace aunet;

namespace {

TuningTrial trial(double lr, int64_t windows, double loss) {
  TuningTrial one;
  one.family = "aunet2";
  one.status = "done";
  one.budget_flops = 1e11;
  one.lr = lr;
  one.batch_windows = windows;
  one.loss_bpb = loss;
  one.weight_decay = 0.1;
  one.dims = "32,64";
  one.split = "word1=1@1";
  return one;
}

TuningTrial diverged(TuningTrial one) {
  one.loss_bpb.reset();
  one.status = "failed";
  one.cause = "diverged";
  return one;
}

}  // namespace

TEST_CASE("the best trial's neighbours are the nearest that differ in one axis alone", "[tuned]") {
  const std::vector<TuningTrial> trials = {trial(.02, 4, 2.5),  trial(.01, 4, 2.6), trial(.005, 4, 2.8),
                                           trial(.04, 8, 2.51),  // a diagonal: no evidence on either axis
                                           trial(.02, 2, 2.55), trial(.02, 8, 2.52)};
  std::vector<TunedAxis> axes = tuned_axes(trials);
  REQUIRE(axes.size() == 2);
  CHECK(axes[0].axis == "lr");
  CHECK(axes[0].value == "0.02");
  CHECK(axes[0].below->value == "0.01");
  CHECK(*axes[0].below->loss_bpb == 2.6);
  CHECK_FALSE(axes[0].above);
  CHECK(axes[0].verdict() == "edge: nothing above");
  CHECK(axes[1].axis == "batch");
  CHECK(axes[1].interior());
  SECTION("a diverged trial is worse than any") {
    std::vector<TuningTrial> more = trials;
    more.push_back(diverged(trial(.04, 4, 0)));
    axes = tuned_axes(more);
    CHECK(axes[0].interior());
    CHECK_FALSE(axes[0].above->loss_bpb);
    CHECK(tuned_table({axes, {}}).rows[0][8] == "diverged");
  }
  SECTION("a trial that crashed or has not finished says nothing") {
    std::vector<TuningTrial> more = trials;
    more.push_back(diverged(trial(.04, 4, 0)));
    more.back().cause = "oom";
    CHECK_FALSE(tuned_axes(more)[0].interior());
  }
}

TEST_CASE("a batch of one window has nothing below it", "[tuned]") {
  const std::vector<TunedAxis> axes = tuned_axes({trial(.02, 1, 2.5), trial(.02, 2, 2.6)});
  REQUIRE(axes.size() == 1);
  CHECK(axes[0].verdict() == "edge: one window is the least");
}

TEST_CASE("model axes are told by vocabulary, widths and split rule", "[tuned]") {
  std::vector<TuningTrial> trials(5, trial(.02, 4, 2.6));
  trials[0].loss_bpb = 2.5;
  trials[1].dims = "24,64";
  trials[2].dims = "48,64";
  trials[3].split = "word1=1@2";
  trials[3].dims = "36,72";  // another rung of the ladder, the same proportion
  trials[4].weight_decay = 0.2;
  const std::vector<TunedAxis> axes = tuned_axes(trials);
  REQUIRE(axes.size() == 3);
  CHECK(axes[0].axis == "weight_decay");
  CHECK(axes[0].verdict() == "edge: nothing below");
  CHECK(axes[1].axis == "byte_width");
  CHECK(axes[1].interior());
  CHECK(axes[1].below->value == "0.375");
  CHECK(axes[2].axis == "split");
  CHECK(axes[2].below->value == "word1=1@2");
  CHECK(axes[2].verdict() == "best of the rules tried");
  trials.resize(3);
  for (TuningTrial& one : trials) {
    one.dims = "32";
    one.split = "";
    one.vocab = 1024;
  }
  trials[1].vocab = 512;
  trials[2].vocab = 2048;
  trials[2].dims = "40";  // the rung of the same FLOPs per byte
  CHECK(tuned_axes(trials).at(0).axis == "vocab");
  CHECK(tuned_axes(trials).at(0).interior());
}

TEST_CASE("families and budgets are tuned apart, and the table counts what is interior", "[tuned]") {
  std::vector<TuningTrial> trials = {trial(.02, 4, 2.5), trial(.01, 4, 2.6), trial(.04, 4, 2.6),
                                     trial(.02, 4, 2.1), trial(.01, 4, 2.0)};
  trials[3].budget_flops = trials[4].budget_flops = 1e12;
  const TextTable table = tuned_table({tuned_axes(trials), {"aunet2 tuned at 1e11: lr 0.02"}});
  REQUIRE(table.rows.size() == 2);
  CHECK(table.rows[0] == std::vector<std::string>{"aunet2", "1e11", "lr", "0.01", "2.6000", "0.02", "2.5000",
                                                  "0.04", "2.6000", "interior"});
  CHECK(table.rows[1].back() == "edge: nothing below");
  CHECK(table.note.starts_with("1 of 2 selected settings are interior."));
  CHECK(table.note.ends_with("Planner: aunet2 tuned at 1e11: lr 0.02."));
  CHECK(tuned_table({}).note == "No axis was tuned.");
}
