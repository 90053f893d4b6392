// The planner's run trees: what cells share is really the same, and the sums are right.
#include "sweep/run_tree.h"

#include "config/schedule.h"
#include "sweep/window_sums.h"
#include "tests/sweep/fake_data.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <set>

using namespace aunet;

namespace {

SweepSpec tree_sweep(const std::vector<double>& budgets, const std::string& more = "") {
  return parse_sweep_spec(fmt::format(R"(
[sweep]
name = "tree"
[data]
train = ["a.jsonl"]
heldout = ["b.jsonl"]
context_bytes = 256
[budget]
flops = [{}]
[[family]]
name = "aunet2"
model = {{ kind = "aunet", stages = 2, split = "word" }}
sizes = {{ dims = [[16, 32], [32, 64]], layers = [[1, 1], [1, 2]] }}
law = "paper"
[[family]]
name = "bpe"
model = {{ kind = "llama", tokenizer = {{ train = true, vocab = 512 }} }}
sizes = {{ per_budget = 2, around = "optimum" }}
law = "paper"
[schedule]
kind = "wsd"
warmup = 0.05
{})",
                                      fmt::join(budgets, ", "), more),
                          "tree.toml");
}

Plan plan_of(const SweepSpec& spec) {
  FakeData data;
  return make_plan(spec, data.provider(), kNoLosses);
}

std::map<std::string, const Cell*> by_key(const Plan& plan) {
  std::map<std::string, const Cell*> cells;
  for (const Cell& cell : plan.cells) cells[cell.key] = &cell;
  return cells;
}

/// Window w of a run is a pure function of the data seed and w, cut only when it is the last (data/loader.h).
bool same_window(const RunConfig& a, const RunConfig& b, int64_t window) {
  const auto cut = [&](const RunConfig& run) {
    return window == run.horizon.windows - 1 ? run.horizon.last_window_bytes : 0;
  };
  return a.seeds.data == b.seeds.data && cut(a) == cut(b);
}

void check_shared_part(const RunConfig& a, const RunConfig& b, int64_t steps) {
  REQUIRE(a.horizon.batch_windows == b.horizon.batch_windows);
  REQUIRE(a.optim.lr == b.optim.lr);
  const int64_t n_a = total_steps(a.horizon), n_b = total_steps(b.horizon);
  REQUIRE(steps < std::min(n_a, n_b));
  for (int64_t s = 1; s <= steps; ++s)
    REQUIRE(rate_factor(a.schedule, s, n_a) == rate_factor(b.schedule, s, n_b));
  for (int64_t w = 0; w < steps * a.horizon.batch_windows; ++w) REQUIRE(same_window(a, b, w));
}

}  // namespace

TEST_CASE("random run trees: what a cell takes over from its parent is what it would compute", "[sweep]") {
  RandomStream random(0, "run trees");
  for (int i = 0; i < 12; ++i) {
    std::vector<double> budgets = {1e9 * (1 + random.uniform())};
    for (uint64_t n = 1 + random.below(4); n > 0; --n)
      budgets.push_back(budgets.back() * (1.0 + 2 * random.uniform()) + 1);
    const Plan plan =
        plan_of(tree_sweep(budgets, fmt::format("decay = {}\n[replicates]\nseeds = 2\nat = [\"largest\"]\n",
                                                0.05 + 0.9 * random.uniform())));
    const auto cells = by_key(plan);
    int64_t n_branches = 0;
    for (const Cell& cell : plan.cells) {
      CAPTURE(cell.key, cell.family, cell.budget_flops, cell.steps);
      CHECK(cell.tree == trunk_key(cell.run));
      CHECK(cell.run.runtime.checkpoint_pin == branch_step(cell.run));
      CHECK(cell.incremental_flops() > 0);
      const RuntimeConfig& runtime = cell.run.runtime;
      CHECK(runtime.parent_step == cell.shared_steps);
      if (runtime.parent_key.empty()) continue;
      ++n_branches;
      const Cell& parent = *cells.at(runtime.parent_key);
      CHECK(parent.tree == cell.tree);
      CHECK(parent.steps <= cell.steps);
      CHECK(shared_steps(parent.run, cell.run) == cell.shared_steps);
      check_shared_part(parent.run, cell.run, cell.shared_steps);
      for (const BranchPoint& ancestor : cell.ancestors)
        CHECK(shared_steps(cells.at(ancestor.key)->run, cell.run) == ancestor.step);
    }
    if (budgets.size() > 1) CHECK(n_branches > 0);
  }
}

TEST_CASE("incremental FLOPs are those of the windows after the parent's", "[sweep]") {
  const SweepSpec spec = tree_sweep({1e9, 2e9, 5e9});
  FakeData data;
  const FactsProvider provider = data.provider();
  const Plan plan = make_plan(spec, provider, kNoLosses);
  for (const Cell& cell : plan.cells) {
    if (cell.shared_steps == 0) continue;
    const FamilySpec& family = cell.family == "bpe" ? spec.families[1] : spec.families[0];
    WindowSums windows(family, cell.run.seeds.data, provider, cell.run.model);
    windows.cover(cell.run.horizon.windows);
    const int64_t shared = cell.shared_steps * cell.run.horizon.batch_windows;
    double spared = 0;  // window by window, not by differences of prefix sums
    Workload one;
    for (int64_t w = 0; w < shared; ++w) {
      Workload before = windows.work(w), after = windows.work(w + 1);
      spared += training_flops(cell.run.model, after, Convention::Useful).total() -
                training_flops(cell.run.model, before, Convention::Useful).total();
    }
    CHECK(cell.incremental_useful() == Approx(cell.flops_useful.total() - spared).epsilon(1e-9));
    CHECK(cell.incremental_flops() == cell.incremental_useful());  // budgets are useful FLOPs here
    CHECK(cell.incremental_steps() == cell.steps - cell.shared_steps);
  }
}

TEST_CASE("five budgets a factor 1.5 apart cost at most 55 % as a tree, in FLOPs and in steps", "[sweep]") {
  const Plan plan = plan_of(tree_sweep({4e9, 6e9, 9e9, 13.5e9, 20.25e9}));
  std::map<std::string, std::vector<const Cell*>> trees;
  for (const Cell& cell : plan.cells) trees[cell.tree].push_back(&cell);
  int64_t whole = 0;
  for (const auto& [tree, cells] : trees) {
    if (cells.size() < 5) continue;
    ++whole;
    double accounted = 0, computed = 0, steps = 0, new_steps = 0;
    for (const Cell* cell : cells) {
      accounted += cell->flops_useful.total();
      computed += cell->incremental_useful();
      steps += double(cell->steps);
      new_steps += double(cell->incremental_steps());
    }
    // The longest stable phase and all decays: (0.8 x 5.0625 + 0.2 x 13.1875) / 13.1875 = 0.507.
    // Short runs here: their steps are rounded.
    CHECK(computed / accounted == Approx(0.507).margin(0.03));
    CHECK(new_steps / steps == Approx(0.507).margin(0.03));
  }
  CHECK(whole >= 2);
}

TEST_CASE("a larger budget keeps every key of a tree and goes on from its longest run", "[sweep]") {
  const Plan small = plan_of(tree_sweep({1e9, 2e9})), large = plan_of(tree_sweep({1e9, 2e9, 4e9}));
  const auto before = by_key(small), after = by_key(large);
  for (const auto& [key, cell] : before) {
    REQUIRE(after.contains(key));
    CHECK(after.at(key)->run.runtime.parent_key == cell->run.runtime.parent_key);
  }
  int64_t n_continued = 0;
  for (const auto& [key, cell] : after)
    if (cell->budget_flops == 4e9) n_continued += before.contains(cell->run.runtime.parent_key);
  CHECK(n_continued >= 2);
}

TEST_CASE("the budgets of a size share rate, batch and warm-up; without branches none is shared", "[sweep]") {
  std::map<std::string, const Cell*> first;
  const Plan plan = plan_of(tree_sweep({1e9, 4e9, 1.6e10}));
  int64_t n_warned = 0;
  for (const Cell& cell : plan.cells) {
    if (cell.family != "aunet2") continue;
    const Cell& root = *first.emplace(fmt::format("{}", cell.size_index), &cell).first->second;
    CHECK(cell.run.optim.lr == root.run.optim.lr);
    CHECK(cell.run.horizon.batch_windows == root.run.horizon.batch_windows);
    CHECK(cell.run.schedule.warmup_steps == warmup_steps({.kind = "wsd", .warmup = 0.05}, root.steps));
    n_warned += cell.budget_flops == 1.6e10 && !cell.warnings.empty() &&
                cell.warnings.back().starts_with("run tree:");
  }
  CHECK(n_warned == 2);
  for (const Cell& cell : plan_of(tree_sweep({1e9, 4e9}, "branches = false\n")).cells) {
    CHECK(cell.tree.empty());
    CHECK(cell.run.runtime.parent_key.empty());
    CHECK(cell.run.runtime.checkpoint_pin == 0);
    CHECK(cell.run.schedule.warmup_steps == -1);
  }
}

TEST_CASE("a trial at the smallest budget is the root of its tree", "[sweep]") {
  SweepSpec spec = tree_sweep({1e9, 2e9}, "[tune]\naxes = [\"lr\"]\nstart = { lr = 0.02, batch = 1024 }\n");
  spec.families[0].law.clear();
  FakeData data;
  const Plan plan = make_plan(spec, data.provider(), [](const std::string&) { return std::optional(2.0); });
  REQUIRE(plan.tuning_complete);
  std::set<std::string> trials;
  int64_t n_roots = 0;
  for (const Cell& cell : plan.cells) {
    if (cell.role == CellRole::Tune) trials.insert(cell.key);
    if (cell.role == CellRole::Grid) n_roots += trials.contains(cell.run.runtime.parent_key);
  }
  CHECK(n_roots >= 1);
}

TEST_CASE("declared data plan trees without keys", "[sweep]") {
  SweepSpec spec = tree_sweep({1e19, 1.5e19});
  spec.data.declared = DeclaredData{4.56, {8192, 1664}, 0};
  spec.families.pop_back();
  const Plan plan = make_plan(spec, FakeData().provider(), kNoLosses);
  int64_t n_branches = 0;
  for (const Cell& cell : plan.cells) {
    CHECK(cell.run.runtime.parent_key.empty());
    n_branches += cell.shared_steps > 0;
  }
  CHECK(n_branches == 2);
}
