// A branch of a run tree is the unshared run, bit by bit: real training by the real binary.
#include "config/schedule.h"
#include "tests/train/process_fixture.h"

#include <fstream>

using namespace aunet;

namespace {

/// Three horizons of one trunk, as the planner makes them, in run directories named by their keys.
struct Tree {
  Workplace place;
  std::string root_folder;

  explicit Tree(const RunConfig& like, const std::string& folder = "tree") : root_folder(folder) {
    place.run.model = like.model;
    place.run.optim = like.optim;
    place.run.schedule = {.kind = "wsd", .decay = 0.25, .warmup_steps = 6};
    place.run.runtime.checkpoint_keep = 1;
  }
  /// The run of `steps` steps that may start from `parent` ("": from step 0).
  std::string make(int64_t steps, const std::string& parent = "", int64_t parent_step = 0) {
    RunConfig& run = place.run;
    run.horizon.windows = steps * run.horizon.batch_windows - 1;
    run.runtime.checkpoint_pin = branch_step(run);
    run.runtime.parent_key = parent;
    run.runtime.parent_step = parent_step;
    make_directories(place.path(root_folder));
    return place.make_run(root_folder + "/" + train_key(run));
  }
  std::string key() const { return train_key(place.run); }
  int64_t pin() const { return place.run.runtime.checkpoint_pin; }
};

std::string last_checkpoint(const std::string& run) { return list_directory(run + "/checkpoints").back(); }

/// Weights, moments and held-out scores; the curve from `from` on.
std::string result_of(const std::string& run, int64_t from) {
  std::string text;
  for (const StepRecord& s : curve(run)) {
    if (s.step <= from) continue;
    text += fmt::format("{} {} {} {} {} {} {} {} {} {}\n", s.step, s.text_bytes, s.units, s.flops_useful,
                        s.flops_paper, s.flops_executed, s.loss_nats, s.loss_bpb, s.lr, s.grad_norm);
  }
  for (const char* file : {"model.safetensors", "optim.safetensors"})
    text += hash_file(run + "/checkpoints/" + last_checkpoint(run) + "/" + file) + "\n";
  for (const std::string& name : list_directory(run + "/eval")) text += read_file(run + "/eval/" + name);
  return text;
}

/// Trains 40, 60 and 90 steps as a tree and alone, with kills in between or not, and compares.
void check_tree(const RunConfig& like, bool with_kills) {
  Tree tree(like), alone(like, "alone");
  std::string parent;
  int64_t parent_step = 0, executed = 0;
  for (const int64_t steps : {40, 60, 90}) {
    CAPTURE(steps);
    const std::string own = alone.make(steps);
    REQUIRE(alone.place.train(own) == 0);
    const std::string branch = tree.make(steps, parent, parent_step);
    if (with_kills) {
      Process process = tree.place.start(branch);
      wait_for_step(process, branch, 1, parent_step + 13);
      process.signal(SIGKILL);
      REQUIRE(process.wait() == -SIGKILL);
    }
    REQUIRE(tree.place.train(branch) == 0);
    const auto attempts = records<AttemptRecord>(branch);
    CHECK(attempts[0].from_run == parent);
    CHECK(attempts[0].from_step == parent_step);
    if (with_kills) {
      CHECK(attempts[1].from_run.empty());
      CHECK(attempts[1].from_step > parent_step);
    }
    CHECK(result_of(branch, parent_step) == result_of(own, parent_step));
    // The pin outlives the pruning of keep = "last:1".
    CHECK(exists(fmt::format("{}/checkpoints/step-{:08d}", branch, tree.pin())));
    CHECK(list_directory(branch + "/checkpoints").size() == 2);
    executed += static_cast<int64_t>(records<StepRecord>(branch).size());
    parent = tree.key();
    parent_step = tree.pin();
  }
  CHECK(tree.pin() == 67);  // 90 less a quarter
  // 30 steps of the first trunk + 15 + 22 of the longer ones + decays of 10, 15 and 23, instead of 190.
  if (!with_kills) CHECK(executed == 40 + (60 - 30) + (90 - 45));
}

}  // namespace

TEST_CASE("branches are bit by bit the unshared runs: AU-Net", "[train][process]") {
  check_tree(aunet_run(1), false);
}

TEST_CASE("branches are bit by bit the unshared runs: transformer", "[train][process]") {
  RunConfig run = bigram_run(1);
  run.optim.lr = 0.02;
  check_tree(run, false);
}

TEST_CASE("branches that are killed in between are bit by bit the unshared runs", "[train][process]") {
  check_tree(aunet_run(1), true);
}

TEST_CASE("a branch whose parent cannot serve starts at step 0 and is the same run", "[train][process]") {
  Tree tree(aunet_run(1)), alone(aunet_run(1), "alone");
  const std::string own = alone.make(50);
  REQUIRE(alone.place.train(own) == 0);
  const std::string parent = tree.make(40);
  const std::string key = tree.key();
  const int64_t pin = tree.pin();
  REQUIRE(tree.place.train(parent) == 0);
  const std::string checkpoint = fmt::format("{}/checkpoints/step-{:08d}", parent, pin);

  SECTION("the checkpoint is damaged") {
    std::ofstream(checkpoint + "/optim.safetensors", std::ios::app) << "x";
  }
  SECTION("the checkpoint is gone") { remove_tree(checkpoint); }
  SECTION("the parent is gone") { remove_tree(parent); }
  SECTION("the parent ran with other threads") {
    tree.place.run.runtime.threads = 2;
    remove_tree(parent);
    tree.make(40);
    REQUIRE(tree.place.train(parent) == 0);
    tree.place.run.runtime.threads = 1;
  }
  const std::string branch = tree.make(50, key, pin);
  REQUIRE(tree.place.train(branch) == 0);
  CHECK(records<AttemptRecord>(branch)[0].from_run.empty());
  CHECK(records<AttemptRecord>(branch)[0].from_step == 0);
  CHECK(read_file(tree.place.path("log.err")).find("starts at step 0, not at " + key) != std::string::npos);
  CHECK(result_of(branch, 0) == result_of(own, 0));
}

TEST_CASE("a run that does not share its parent's steps is refused", "[train][process]") {
  Tree tree(aunet_run(1));
  const std::string parent = tree.make(40);
  const std::string key = tree.key();
  REQUIRE(tree.place.train(parent) == 0);
  tree.place.run.optim.lr *= 2;
  const std::string branch = tree.make(60, key, 30);
  CHECK(tree.place.train(branch) == 2);
  CHECK(read_file(tree.place.path("log.err")).find("run.parent: expected a run that shares its first 30") !=
        std::string::npos);
  CHECK(records<EndRecord>(branch).back().cause == "config");
}
