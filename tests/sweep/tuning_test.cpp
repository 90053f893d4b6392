#include "sweep/tuning.h"
#include "sweep/tuning_lock.h"
#include "config/sweep_spec.h"
#include "core/random.h"
#include "sweep/plan.h"
#include "sweep/vertex.h"
#include "tests/sweep/fake_data.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <set>

using namespace aunet;

namespace {

using Surface = std::function<double(const Trial&)>;

constexpr size_t kLr = 0, kBatch = 1;

std::vector<SearchAxis> lr_and_batch(int min_batch = -10) {
  return {{.name = "lr"}, {.name = "batch", .lowest = min_batch}};
}
const std::vector<SearchAxis> kOnlyLr = {{.name = "lr"}};

/// A bowl in log2 rate and log2 batch, minimum at (lr, batch), a tilted valley.
Surface bowl(double lr, double batch) {
  return [=](const Trial& t) {
    const double x = t[kLr] - lr, y = (t.size() > 1 ? t[kBatch] : 0) - batch;
    return 3 + 0.05 * x * x + 0.03 * y * y - 0.02 * x * y;
  };
}

struct Outcome {
  std::vector<Trial> done;
  TuningState state;
};

/// Runs the rule against a surface, all trials of a round at once.
Outcome run_rule(const Surface& surface, const std::vector<SearchAxis>& axes, int64_t max_trials,
                 int64_t pad_to = 0) {
  Outcome outcome;
  std::vector<double> loss;
  for (;;) {
    outcome.state = next_trials(outcome.done, loss, axes, max_trials, pad_to);
    if (outcome.state.next.empty()) return outcome;
    for (const Trial& t : outcome.state.next) {
      outcome.done.push_back(t);
      loss.push_back(surface(t));
    }
  }
}

bool all_different(const std::vector<Trial>& trials) {
  return std::set<Trial>(trials.begin(), trials.end()).size() == trials.size();
}

}  // namespace

TEST_CASE("a start at the optimum needs its four neighbours, a diagonal one and no more", "[tuning]") {
  const Outcome o = run_rule(bowl(0, 0), lr_and_batch(), 9);
  CHECK(o.done == std::vector<Trial>{{0, 0}, {-1, 0}, {1, 0}, {0, -1}, {0, 1}, {1, 1}});
  CHECK(o.state.interior);
  CHECK(o.state.best == Trial{0, 0});
}

TEST_CASE("100 random bowls end at an interior point that no axis neighbour beats", "[tuning]") {
  RandomStream random(7, "bowls");
  size_t trials = 0;
  for (int i = 0; i < 100; ++i) {
    const Surface surface = bowl(6 * random.uniform() - 3, 6 * random.uniform() - 3);
    const Outcome o = run_rule(surface, lr_and_batch(-20), 60);
    INFO("bowl " << i);
    CHECK(o.state.interior);
    CHECK(all_different(o.done));
    trials += o.done.size();
    CHECK(o.done.size() <= 15);
    for (const auto& [lr, batch] : {std::pair{1, 0}, {-1, 0}, {0, 1}, {0, -1}})
      CHECK(surface({o.state.best[kLr] + lr, o.state.best[kBatch] + batch}) >= surface(o.state.best));
  }
  CHECK(trials <= 100 * 12);  // from starts up to 3 steps off on both axes
}

TEST_CASE("a start that is 8 times off on both axes costs at most 1.5 full grids of three values",
          "[tuning]") {
  for (const auto& [lr, batch] : {std::pair{3, 3}, {-3, 3}, {3, -3}, {-3, -3}}) {
    const Outcome o = run_rule(bowl(lr, batch), lr_and_batch(), 99);
    CHECK(o.state.best == Trial{lr, batch});
    CHECK(o.state.interior);
    CHECK(o.done.size() <= 13);
  }
}

TEST_CASE("five axes are searched with far fewer trials than a grid", "[tuning]") {
  const std::vector<SearchAxis> axes = {
      {.name = "lr"}, {.name = "batch"}, {.name = "weight_decay"}, {.name = "vocab"}, {.name = "byte_width"}};
  const Trial optimum = {2, -1, 1, 0, -2};
  const Surface surface = [&](const Trial& t) {
    double loss = 3;
    for (size_t i = 0; i < t.size(); ++i) loss += 0.02 * (t[i] - optimum[i]) * (t[i] - optimum[i]);
    return loss;
  };
  const Outcome o = run_rule(surface, axes, default_max_trials(5));
  CHECK(o.state.best == optimum);
  CHECK(o.state.interior);
  CHECK(o.done.size() <= 23);  // two stars of 11 and a diagonal
}

TEST_CASE("one tuned axis leaves the other alone", "[tuning]") {
  const Outcome lr = run_rule(bowl(2, 3), kOnlyLr, 20);
  for (const Trial& t : lr.done) CHECK(t.size() == 1);
  CHECK(lr.state.interior);
  CHECK(lr.state.best == Trial{1});  // the valley is tilted: 1.4 at this batch
  CHECK(next_trials({}, {}, {}, 9, 0).next.empty());
}

TEST_CASE("max_trials is never exceeded, and an optimum beyond it is not called interior", "[tuning]") {
  for (int64_t most = 1; most < 12; ++most) {
    const Outcome o = run_rule(bowl(29, 29), lr_and_batch(), most);
    CHECK(static_cast<int64_t>(o.done.size()) == most);
    CHECK(!o.state.interior);
  }
}

TEST_CASE("padding asks for the points two steps out, then the diagonal ones, up to the same effort",
          "[tuning]") {
  const Outcome plain = run_rule(bowl(0, 0), lr_and_batch(), 20);
  const Outcome padded = run_rule(bowl(0, 0), lr_and_batch(), 20, 12);
  CHECK(plain.done.size() == 6);
  REQUIRE(padded.done.size() == 12);
  CHECK(all_different(padded.done));
  CHECK(std::vector<Trial>(padded.done.begin() + 6, padded.done.begin() + 10) ==
        std::vector<Trial>{{-2, 0}, {2, 0}, {0, -2}, {0, 2}});
  for (size_t i = 10; i < 12; ++i)
    CHECK((std::abs(padded.done[i][kLr]) == 1 && std::abs(padded.done[i][kBatch]) == 1));
  CHECK(padded.state.interior);
}

TEST_CASE("padding with one tuned axis moves along that axis", "[tuning]") {
  const Outcome o = run_rule(bowl(0, 0), kOnlyLr, 20, 6);
  REQUIRE(o.done.size() == 6);
  CHECK(all_different(o.done));
}

TEST_CASE("diverged trials lose against any finished one, also when they are NaN", "[tuning]") {
  const Surface cliff = [](const Trial& t) {
    if (t[kLr] > -2) return t[kBatch] % 2 ? std::numeric_limits<double>::infinity() : std::nan("");
    return bowl(-3, 0)(t);
  };
  const Outcome o = run_rule(cliff, lr_and_batch(), 40);
  CHECK(o.state.interior);
  CHECK(o.state.best[kLr] <= -2);
  CHECK(std::isfinite(cliff(o.state.best)));
}

TEST_CASE("when everything diverges the search halves the rate, trial by trial, and finds nothing interior",
          "[tuning]") {
  const Surface diverges = [](const Trial&) { return std::numeric_limits<double>::infinity(); };
  const Outcome o = run_rule(diverges, lr_and_batch(-2), 6);
  CHECK(!o.state.interior);
  CHECK(o.done == std::vector<Trial>{{0, 0}, {-1, 0}, {-2, 0}, {-3, 0}, {-4, 0}, {-5, 0}});
  const Outcome batch_only = run_rule(diverges, {{.name = "batch", .lowest = -2}}, 20);
  CHECK(!batch_only.state.interior);
  CHECK(batch_only.state.best == Trial{-2});
}

TEST_CASE("a batch of one window is a wall: the search stops there and says that it is not interior",
          "[tuning]") {
  const Outcome o = run_rule(bowl(0, -5), lr_and_batch(-1), 40);
  CHECK(o.state.best[kBatch] == -1);
  CHECK(!o.state.interior);
  CHECK(o.state.walls == std::vector<std::string>{"batch"});
  CHECK(o.done.size() < 40);
  for (const Trial& t : o.done) CHECK(t[kBatch] >= -1);
}

TEST_CASE("a list is walked entry by entry, and its ends are walls", "[tuning]") {
  const std::vector<SearchAxis> axes = {{.name = "split", .lowest = -1, .highest = 2, .ordered = false}};
  const auto best_at = [](int at) { return [at](const Trial& t) { return 3 + 0.1 * std::abs(t[0] - at); }; };
  const Outcome inside = run_rule(best_at(1), axes, 20), end = run_rule(best_at(2), axes, 20);
  CHECK(inside.state.interior);
  CHECK(inside.state.best == Trial{1});
  CHECK_FALSE(end.state.interior);
  CHECK(end.state.walls == std::vector<std::string>{"split"});
  CHECK(end.done.size() == 4);
}

TEST_CASE("ties go to the smaller batch, then to the smaller rate", "[tuning]") {
  const std::vector<Trial> done = {{1, 1}, {1, 0}, {0, 1}, {0, 0}};
  CHECK(next_trials(done, {2, 2, 2, 2}, lr_and_batch(), 4, 0).best == Trial{0, 0});
  CHECK(next_trials(done, {2, 2, 2, 3}, lr_and_batch(), 4, 0).best == Trial{1, 0});
}

TEST_CASE("the vertex between the trials is the optimum of a tilted bowl, and never far from the best",
          "[tuning]") {
  RandomStream random(3, "vertex");
  for (int i = 0; i < 50; ++i) {
    const double x = random.uniform() - 0.5, y = random.uniform() - 0.5;
    std::vector<TrialPoint> points;
    for (int a = -1; a <= 1; ++a)
      for (int b = -1; b <= 1; ++b)
        points.push_back({{double(a), double(b)}, 3 + 0.05 * (a - x) * (a - x) + 0.03 * (b - y) * (b - y)});
    const std::vector<double> vertex = vertex_around(points, 4, {true, true});
    CHECK(vertex[0] == Approx(x).margin(1e-6));
    CHECK(vertex[1] == Approx(y).margin(1e-6));
    CHECK(vertex_around(points, 4, {true, false})[1] == 0);
  }
  // the best at the edge of three: between it and its neighbour, never beyond it
  CHECK(vertex_around({{{0}, 3.00}, {{1}, 3.01}, {{2}, 3.16}}, 0, {true})[0] == Approx(0.43).margin(0.05));
  CHECK(vertex_around({{{0}, 3.00}, {{1}, 3.05}, {{2}, 3.16}}, 0, {true})[0] == 0);
  CHECK(vertex_around({{{0}, 3.00}, {{1}, 3.05}}, 0, {true})[0] == 0);
  // a line has no vertex, a far one is held at one step
  CHECK(vertex_around({{{-1}, 3.1}, {{0}, 3}, {{1}, 2.9}}, 1, {true})[0] == 0);
  CHECK(vertex_around({{{-1}, 3.1}, {{0}, 3}, {{1}, 2.91}}, 1, {true})[0] == 1);
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
      learn(plan);
    }
    throw std::logic_error("tuning does not end");
  }
  void learn(const Plan& plan) {
    for (const Cell& cell : plan.cells)
      if (cell.role == CellRole::Tune) losses_[cell.key] = loss(cell);
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
    double model = 0;
    if (const auto* transformer = std::get_if<TransformerConfig>(&cell.run.model))
      model = 0.02 * std::pow(std::log2(double(transformer->tokenizer.vocab) / 1024), 2);
    else {
      const auto& dims = std::get<AunetConfig>(cell.run.model).dimensions;
      model = 0.02 * std::pow(std::log2(2.0 * double(dims[0]) / double(dims[1])), 2);
    }
    const double w = std::log2(cell.run.optim.weight_decay / 0.2);
    return 3 + 0.05 * x * x + 0.03 * y * y + 0.01 * w * w + model;
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
  for (const auto& [place, count] : trials) CHECK(count == trials.at({"aunet2", place.second}));
  for (const Cell& cell : plan.cells) {
    if (cell.role != CellRole::Grid) continue;
    const bool bpe = cell.family == "bpe";
    INFO(cell.family << " " << cell.budget_flops << " " << cell.lr_source);
    CHECK(!cell.provisional);
    CHECK(std::abs(std::log2(cell.run.optim.lr / (bpe ? 0.004 : 0.03))) < 0.02);
    CHECK(std::abs(std::log2(cell.batch_bytes / (bpe ? 6000 : 1500))) < 0.15);  // whole windows
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

TEST_CASE("rates follow one law through the tuned budgets; from one budget the paper's slope", "[tuning]") {
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
  // 1e11 is the geometric mean of 2e10 and 5e11
  CHECK(carried[1e11].first == Approx(std::sqrt(carried[2e10].first * carried[5e11].first)).epsilon(1e-5));
  CHECK(carried[1e11].second == "law fitted at 2e10 to 5e11");
}

namespace {

std::set<std::string> keys_of(const Plan& plan) {
  std::set<std::string> keys;
  for (const Cell& cell : plan.cells) keys.insert(cell.key);
  return keys;
}

}  // namespace

TEST_CASE("a lock gives back the plan it was made from, to the last digit", "[tuning]") {
  FakeWorld world;
  const SweepSpec spec = parse_sweep_spec(kTunedSweep, "tuned.toml");
  const Plan plan = world.plan_until_tuned(spec);
  REQUIRE_FALSE(plan.lock_text.empty());
  const TuningLock lock = parse_tuning_lock(plan.lock_text, "tuned.lock.toml");
  CHECK(to_toml(lock) == plan.lock_text);
  FakeData data;
  const Plan again = make_plan(spec, data.provider(), kNoLosses, &lock);
  CHECK(again.lock_problem.empty());
  CHECK(again.tuning_complete);
  CHECK(keys_of(again) == keys_of(plan));
  CHECK(again.lock_text == plan.lock_text);
}

TEST_CASE("under a lock more budgets, sizes, seeds and tuned budgets change no old cell", "[tuning]") {
  FakeWorld world;
  const SweepSpec spec = parse_sweep_spec(kTunedSweep, "tuned.toml");
  const Plan plan = world.plan_until_tuned(spec);
  const TuningLock lock = parse_tuning_lock(plan.lock_text, "tuned.lock.toml");
  SweepSpec more = spec;
  more.budget.flops = {2e10, 6e10, 1e11, 5e11, 2e12};
  more.families[0].sizes.per_budget = 5;
  more.seeds_init = {0, 1};
  more.replicates = {3, {"smallest"}};
  more.tune.at = {"smallest", "middle", "largest"};
  const Plan grown = make_plan(more, world.data().provider(), world.lookup(), &lock);
  CHECK(grown.lock_problem.empty());
  CHECK(grown.tuning_complete);
  const std::set<std::string> keys = keys_of(grown);
  for (const std::string& key : keys_of(plan)) CHECK(keys.contains(key));
  CHECK(std::any_of(grown.notes.begin(), grown.notes.end(),
                    [](const std::string& note) { return note.find("--relock") != std::string::npos; }));
}

TEST_CASE("a lock of another [tune] or of other data is named and not used", "[tuning]") {
  FakeWorld world;
  const SweepSpec spec = parse_sweep_spec(kTunedSweep, "tuned.toml");
  const TuningLock lock = parse_tuning_lock(world.plan_until_tuned(spec).lock_text, "tuned.lock.toml");
  SweepSpec other = spec;
  SECTION("other start") { other.tune.start_lr = 0.5; }
  SECTION("other optimizer: the trials have other keys") { other.optim.beta2 = 0.99; }
  FakeData data;
  const Plan plan = make_plan(other, data.provider(), kNoLosses, &lock);
  CHECK(plan.lock_problem.find("--relock") != std::string::npos);
  CHECK_FALSE(plan.tuning_complete);
}

TEST_CASE("a family that a lock does not know is tuned with the locked effort; the others stay", "[tuning]") {
  FakeWorld world;
  const SweepSpec both = parse_sweep_spec(kTunedSweep, "tuned.toml");
  SweepSpec one = both;
  one.families.pop_back();
  const Plan plan = world.plan_until_tuned(one);
  const TuningLock lock = parse_tuning_lock(plan.lock_text, "tuned.lock.toml");
  Plan grown;
  for (int round = 0; round < 60; ++round) {
    grown = make_plan(both, world.data().provider(), world.lookup(), &lock);
    if (grown.tuning_complete) break;
    world.learn(grown);
  }
  REQUIRE(grown.tuning_complete);
  const std::set<std::string> keys = keys_of(grown);
  for (const std::string& key : keys_of(plan)) CHECK(keys.contains(key));
  std::map<std::pair<std::string, double>, int> trials;
  for (const Cell& cell : grown.cells)
    if (cell.role == CellRole::Tune) ++trials[{cell.family, cell.budget_flops}];
  for (const auto& [place, count] : trials) CHECK(count == trials.at({"aunet2", place.second}));
}

TEST_CASE(
    "model axes: the vocabulary and the byte stage move at the same FLOPs, and the grid takes the optimum",
    "[tuning]") {
  FakeWorld world;
  SweepSpec spec = parse_sweep_spec(kTunedSweep, "tuned.toml");
  spec.tune.axes = {"lr", "batch", "weight_decay", "vocab", "byte_width"};
  spec.tune.max_trials = 0;
  spec.tune.at = {"smallest"};
  const Plan plan = world.plan_until_tuned(spec);
  std::set<int64_t> vocabularies;
  std::map<std::string, int> trials;
  for (const Cell& cell : plan.cells) {
    CHECK(cell.budget_error <= 1e-3);
    if (cell.role == CellRole::Tune) ++trials[cell.family];
    const auto* transformer = std::get_if<TransformerConfig>(&cell.run.model);
    if (transformer && cell.role == CellRole::Tune) vocabularies.insert(transformer->tokenizer.vocab);
    if (transformer && cell.role == CellRole::Grid) {
      CHECK(std::abs(std::log2(double(transformer->tokenizer.vocab) / 1024)) < 0.05);
      CHECK(transformer->vocab_size == transformer->tokenizer.vocab + 2);
    }
    if (cell.role == CellRole::Grid) CHECK(std::abs(std::log2(cell.run.optim.weight_decay / 0.2)) < 0.05);
  }
  CHECK(vocabularies == std::set<int64_t>{512, 1024, 2048});  // 256 would be below 258, a wall
  CHECK(trials["bpe"] == trials["aunet2"]);
  const TuningLock lock = parse_tuning_lock(plan.lock_text, "tuned.lock.toml");
  const Plan again = make_plan(spec, world.data().provider(), kNoLosses, &lock);
  CHECK(again.lock_problem.empty());
  CHECK(keys_of(again) == keys_of(plan));
}
