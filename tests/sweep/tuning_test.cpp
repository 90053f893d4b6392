#include "sweep/tuning.h"
#include "config/sweep_spec.h"
#include "core/random.h"
#include "sweep/plan.h"
#include "tests/sweep/fake_data.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <set>

using namespace aunet;

namespace {

using Surface = std::function<double(const Trial&)>;

/// A bowl in log2 rate and log2 batch, minimum at (lr, batch), a tilted valley.
Surface bowl(double lr, double batch) {
  return [=](const Trial& t) {
    const double x = t.lr_steps - lr, y = t.batch_steps - batch;
    return 3 + 0.05 * x * x + 0.03 * y * y - 0.02 * x * y;
  };
}

struct Outcome {
  std::vector<Trial> done;
  TuningState state;
};

/// Runs the rule against a surface, all trials of a round at once.
Outcome run_rule(const Surface& surface, bool lr, bool batch, int64_t max_trials, int64_t pad_to,
                 int min_batch_steps) {
  Outcome outcome;
  std::vector<double> loss;
  for (;;) {
    outcome.state = next_trials(outcome.done, loss, lr, batch, max_trials, pad_to, min_batch_steps);
    if (outcome.state.next.empty()) return outcome;
    for (const Trial& t : outcome.state.next) {
      outcome.done.push_back(t);
      loss.push_back(surface(t));
    }
  }
}

bool all_different(const std::vector<Trial>& trials) {
  std::set<std::pair<int, int>> seen;
  for (const Trial& t : trials) seen.insert({t.lr_steps, t.batch_steps});
  return seen.size() == trials.size();
}

}  // namespace

TEST_CASE("a start at the optimum needs its four neighbours and no more", "[tuning]") {
  const Outcome o = run_rule(bowl(0, 0), true, true, 9, 0, -10);
  CHECK(o.done == std::vector<Trial>{{0, 0}, {-1, 0}, {1, 0}, {0, -1}, {0, 1}});
  CHECK(o.state.interior);
  CHECK(o.state.best == Trial{0, 0});
}

TEST_CASE("100 random bowls end at an interior point that no axis neighbour beats", "[tuning]") {
  RandomStream random(7, "bowls");
  for (int i = 0; i < 100; ++i) {
    const Surface surface = bowl(6 * random.uniform() - 3, 6 * random.uniform() - 3);
    const Outcome o = run_rule(surface, true, true, 60, 0, -20);
    INFO("bowl " << i);
    CHECK(o.state.interior);
    CHECK(all_different(o.done));
    for (const auto& [lr, batch] : {std::pair{1, 0}, {-1, 0}, {0, 1}, {0, -1}})
      CHECK(surface({o.state.best.lr_steps + lr, o.state.best.batch_steps + batch}) >= surface(o.state.best));
  }
}

TEST_CASE("one tuned axis leaves the other alone", "[tuning]") {
  const Outcome lr = run_rule(bowl(2, 3), true, false, 20, 0, -10);
  for (const Trial& t : lr.done) CHECK(t.batch_steps == 0);
  CHECK(lr.state.interior);
  const Outcome batch = run_rule(bowl(2, 3), false, true, 20, 0, -10);
  for (const Trial& t : batch.done) CHECK(t.lr_steps == 0);
  CHECK(next_trials({}, {}, false, false, 9, 0, 0).next.empty());
}

TEST_CASE("max_trials is never exceeded, and an optimum beyond it is not called interior", "[tuning]") {
  for (int64_t most = 1; most < 12; ++most) {
    const Outcome o = run_rule(bowl(9, 9), true, true, most, 0, -10);
    CHECK(static_cast<int64_t>(o.done.size()) == most);
    CHECK(!o.state.interior);
  }
}

TEST_CASE("padding asks for further trials, diagonal ones first, up to the same effort", "[tuning]") {
  const Outcome plain = run_rule(bowl(0, 0), true, true, 20, 0, -10);
  const Outcome padded = run_rule(bowl(0, 0), true, true, 20, 12, -10);
  CHECK(plain.done.size() == 5);
  REQUIRE(padded.done.size() == 12);
  CHECK(all_different(padded.done));
  for (size_t i = 5; i < 9; ++i)
    CHECK(std::abs(padded.done[i].lr_steps) + std::abs(padded.done[i].batch_steps) == 2);
  CHECK(padded.state.interior);
}

TEST_CASE("padding with one tuned axis moves along that axis", "[tuning]") {
  const Outcome o = run_rule(bowl(0, 0), true, false, 20, 6, -10);
  REQUIRE(o.done.size() == 6);
  CHECK(all_different(o.done));
  for (const Trial& t : o.done) CHECK(t.batch_steps == 0);
}

TEST_CASE("diverged trials lose against any finished one, also when they are NaN", "[tuning]") {
  const Surface cliff = [](const Trial& t) {
    if (t.lr_steps > -2) return t.batch_steps % 2 ? std::numeric_limits<double>::infinity() : std::nan("");
    return bowl(-3, 0)(t);
  };
  const Outcome o = run_rule(cliff, true, true, 40, 0, -10);
  CHECK(o.state.interior);
  CHECK(o.state.best.lr_steps <= -2);
  CHECK(std::isfinite(cliff(o.state.best)));
}

TEST_CASE("when everything diverges the search halves the rate, trial by trial, and finds nothing interior",
          "[tuning]") {
  const Surface diverges = [](const Trial&) { return std::numeric_limits<double>::infinity(); };
  const Outcome o = run_rule(diverges, true, true, 6, 0, -2);
  CHECK(!o.state.interior);
  CHECK(o.done == std::vector<Trial>{{0, 0}, {-1, 0}, {-2, 0}, {-3, 0}, {-4, 0}, {-5, 0}});
  const Outcome batch_only = run_rule(diverges, false, true, 20, 0, -2);
  CHECK(!batch_only.state.interior);
  CHECK(batch_only.state.best.batch_steps == -2);
}

TEST_CASE("a batch of one window is a wall: the search stops there and says that it is not interior",
          "[tuning]") {
  const Outcome o = run_rule(bowl(0, -5), true, true, 40, 0, -1);
  CHECK(o.state.best.batch_steps == -1);
  CHECK(!o.state.interior);
  CHECK(o.done.size() < 40);
  for (const Trial& t : o.done) CHECK(t.batch_steps >= -1);
}

TEST_CASE("ties go to the smaller batch, then to the smaller rate", "[tuning]") {
  const std::vector<Trial> done = {{1, 1}, {1, 0}, {0, 1}, {0, 0}};
  CHECK(next_trials(done, {2, 2, 2, 2}, true, true, 4, 0, -5).best == Trial{0, 0});
  CHECK(next_trials(done, {2, 2, 2, 3}, true, true, 4, 0, -5).best == Trial{1, 0});
}

namespace {

const char* kTunedSweep = R"(
[sweep]
name = "tuned"
[data]
train = ["a.jsonl"]
heldout = ["b.jsonl"]
context_bytes = 256
[budget]
flops = [2e10, 1e11, 5e11]
[[family]]
name = "aunet2"
model = { kind = "aunet", stages = 2, split = "word" }
sizes = { per_budget = 3, around = "optimum" }
[[family]]
name = "bpe"
model = { kind = "llama", tokenizer = { train = true, vocab = 512 } }
sizes = { same_as = "aunet2" }
[tune]
axes = ["lr", "batch"]
max_trials = 30
at = ["smallest", "largest"]
)";

struct Known {
  double lr, batch_bytes;
};

/// A world in which each family has a best rate and batch; losses become known run by run.
class FakeWorld {
 public:
  Plan plan_until_tuned(const SweepSpec& spec) {
    for (int round = 0; round < 60; ++round) {
      Plan plan = make_plan(spec, data_.provider(), lookup());
      if (plan.tuning_complete) return plan;
      for (const Cell& cell : plan.cells)
        if (cell.role == CellRole::Tune) losses_[cell.key] = loss(cell);
    }
    throw std::logic_error("tuning does not end");
  }
  LossLookup lookup() const {
    return [this](const std::string& key) {
      const auto found = losses_.find(key);
      return found == losses_.end() ? std::optional<double>() : std::optional(found->second);
    };
  }
  FakeData& data() { return data_; }

 private:
  static double loss(const Cell& cell) {
    const Known best = cell.family == "bpe" ? Known{0.004, 6000} : Known{0.03, 1500};
    const double x = std::log2(cell.run.optim.lr / best.lr),
                 y = std::log2(cell.batch_bytes / best.batch_bytes);
    return 3 + 0.05 * x * x + 0.03 * y * y;
  }
  FakeData data_;
  std::map<std::string, double> losses_;
};

}  // namespace

TEST_CASE("a sweep tunes every family with the same number of trials and finds each family's optimum",
          "[tuning]") {
  FakeWorld world;
  const Plan plan = world.plan_until_tuned(parse_sweep_spec(kTunedSweep, "tuned.toml"));
  std::map<std::pair<std::string, double>, int> trials;
  for (const Cell& cell : plan.cells)
    if (cell.role == CellRole::Tune) ++trials[{cell.family, cell.budget_flops}];
  REQUIRE(trials.size() == 4);
  for (const auto& [_, count] : trials) CHECK(count == trials.begin()->second);
  for (const Cell& cell : plan.cells) {
    if (cell.role != CellRole::Grid) continue;
    const bool bpe = cell.family == "bpe";
    INFO(cell.family << " " << cell.budget_flops << " " << cell.lr_source);
    CHECK(!cell.provisional);
    CHECK(std::abs(std::log2(cell.run.optim.lr / (bpe ? 0.004 : 0.03))) < 0.6);
    CHECK(std::abs(std::log2(cell.batch_bytes / (bpe ? 6000 : 1500))) < 0.6);
  }
  CHECK(plan.notes.size() == 4);
  for (const std::string& note : plan.notes) CHECK(note.find("(interior)") != std::string::npos);
}

TEST_CASE("before tuning ends the plan holds the trials and a provisional grid", "[tuning]") {
  FakeWorld world;
  const Plan plan =
      make_plan(parse_sweep_spec(kTunedSweep, "tuned.toml"), world.data().provider(), world.lookup());
  CHECK(!plan.tuning_complete);
  int trials = 0;
  for (const Cell& cell : plan.cells) {
    trials += cell.role == CellRole::Tune;
    CHECK(cell.provisional == (cell.role == CellRole::Grid));
  }
  CHECK(trials == 4);  // one start per family and tuned budget
}

TEST_CASE("the best trial is the run of the grid cell that it tuned", "[tuning]") {
  FakeWorld world;
  const Plan plan = world.plan_until_tuned(parse_sweep_spec(kTunedSweep, "tuned.toml"));
  std::set<std::string> trial_keys;
  for (const Cell& cell : plan.cells)
    if (cell.role == CellRole::Tune) trial_keys.insert(cell.key);
  int shared = 0;
  for (const Cell& cell : plan.cells) shared += cell.role == CellRole::Grid && trial_keys.contains(cell.key);
  CHECK(shared == 4);  // the middle size of each family at each tuned budget
}

TEST_CASE("rates between two tuned budgets are interpolated, beyond them they follow the paper's slope",
          "[tuning]") {
  FakeWorld world;
  SweepSpec spec = parse_sweep_spec(kTunedSweep, "tuned.toml");
  spec.tune.at = {"smallest"};
  const Plan plan = world.plan_until_tuned(spec);
  std::map<double, double> lr;
  for (const Cell& cell : plan.cells)
    if (cell.role == CellRole::Grid && cell.family == "aunet2") lr[cell.budget_flops] = cell.run.optim.lr;
  CHECK(lr[5e11] / lr[2e10] == Approx(std::pow(25.0, -0.1759971)).epsilon(1e-5));

  FakeWorld two;
  spec.tune.at = {"smallest", "largest"};
  std::map<double, std::pair<double, std::string>> carried;
  for (const Cell& cell : two.plan_until_tuned(spec).cells)
    if (cell.role == CellRole::Grid && cell.family == "bpe")
      carried[cell.budget_flops] = {cell.run.optim.lr, cell.lr_source};
  const double share = 0.5;  // 1e11 is the geometric mean of 2e10 and 5e11
  CHECK(
      carried[1e11].first ==
      Approx(std::pow(carried[2e10].first, 1 - share) * std::pow(carried[5e11].first, share)).epsilon(1e-5));
  CHECK(carried[1e11].second == "tuned at 2e10 and 5e11, interpolated");
}
