// Grids nest: what a sweep has planned stays when it grows (DESIGN section 5).
#include "config/sweep_spec.h"
#include "sweep/plan.h"
#include "tests/sweep/fake_data.h"

#include <catch2/catch.hpp>

#include <set>

using namespace aunet;

namespace {

const char* kSweep = R"(
[sweep]
name = "nested"
[data]
train = ["a.jsonl"]
heldout = ["b.jsonl"]
context_bytes = 256
[budget]
flops = [1e10, 1e11, 1e12]
[[family]]
name = "aunet2"
model = { kind = "aunet", stages = 2, split = "word" }
sizes = { per_budget = 3, around = "optimum" }
law = "paper"
[[family]]
name = "aunet3"
model = { kind = "aunet", stages = 3, split = "word" }
sizes = { same_as = "aunet2" }
law = "paper"
[[family]]
name = "bpe"
model = { kind = "llama", tokenizer = { train = true, vocab = 512 } }
sizes = { per_budget = 3, around = "optimum" }
law = "paper"
)";

SweepSpec base() { return parse_sweep_spec(kSweep, "nested.toml"); }

std::set<std::string> keys(const SweepSpec& spec) {
  FakeData data;
  std::set<std::string> all;
  for (const Cell& cell : make_plan(spec, data.provider(), kNoLosses).cells) all.insert(cell.key);
  return all;
}

void check_grows(const SweepSpec& more, size_t expected) {
  const std::set<std::string> before = keys(base()), after = keys(more);
  CHECK(after.size() == expected);
  for (const std::string& key : before) CHECK(after.contains(key));
}

}  // namespace

TEST_CASE("the base grid has one key per family, budget and size", "[sweep]") {
  CHECK(keys(base()).size() == 27);
}

TEST_CASE("adding a budget keeps every old key", "[sweep]") {
  SweepSpec more = base();
  more.budget.flops = {1e10, 3e10, 1e11, 1e12, 4e12};
  check_grows(more, 45);
}

TEST_CASE("adding sizes keeps every old key, for odd and even numbers", "[sweep]") {
  for (const int64_t sizes : {4, 5, 6}) {
    SweepSpec more = base();
    for (FamilySpec& family : more.families)
      if (family.sizes.per_budget > 0) family.sizes.per_budget = sizes;
    check_grows(more, static_cast<size_t>(9 * sizes));
  }
}

TEST_CASE("adding seeds keeps every old key", "[sweep]") {
  SweepSpec more = base();
  more.seeds_init = {0, 1};
  more.seeds_data = {0, 5};
  check_grows(more, 108);
}

TEST_CASE("adding a family and replicates keeps every old key", "[sweep]") {
  SweepSpec more = base();
  FamilySpec bytes = parse_sweep_spec(R"(
[sweep]
name = "x"
[data]
train = ["a.jsonl"]
heldout = ["b.jsonl"]
context_bytes = 256
[budget]
flops = [1e10]
[[family]]
name = "bytes"
model = { kind = "bytes" }
sizes = { per_budget = 2, around = "optimum" }
law = "paper"
)",
                                      "x.toml")
                         .families[0];
  more.families.push_back(bytes);
  more.replicates = {3, {"smallest", "largest"}};
  // 27 + 3 x 2 of the new family, and at two of three budgets 2 more seeds of each size
  check_grows(more, 27 + 6 + 2 * 2 * (9 + 2));
}

TEST_CASE("the order in which facts were asked for does not matter", "[sweep]") {
  FakeData data;
  SweepSpec large = base();
  large.budget.flops = {1e13};
  make_plan(large, data.provider(), kNoLosses);  // the provider now knows many more windows
  std::set<std::string> after;
  for (const Cell& cell : make_plan(base(), data.provider(), kNoLosses).cells) after.insert(cell.key);
  CHECK(after == keys(base()));
}

TEST_CASE("the same sweep gives the same plan, cell by cell", "[sweep]") {
  FakeData one, two;
  const Plan a = make_plan(base(), one.provider(), kNoLosses),
             b = make_plan(base(), two.provider(), kNoLosses);
  REQUIRE(a.cells.size() == b.cells.size());
  for (size_t i = 0; i < a.cells.size(); ++i) {
    CHECK(a.cells[i].key == b.cells[i].key);
    CHECK(a.cells[i].run.optim.lr == b.cells[i].run.optim.lr);
    CHECK(canonical(a.cells[i].run) == canonical(b.cells[i].run));
  }
}

TEST_CASE("families are paired on the data seed: replicates move both seeds", "[sweep]") {
  SweepSpec spec = base();
  spec.replicates = {2, {"smallest"}};
  FakeData data;
  std::set<std::string> replicated;
  for (const Cell& cell : make_plan(spec, data.provider(), kNoLosses).cells) {
    if (cell.role != CellRole::Replicate) continue;
    CHECK(cell.run.seeds.init == 1);
    CHECK(cell.run.seeds.data == 1);
    CHECK(cell.budget_flops == 1e10);
    replicated.insert(cell.family);
  }
  CHECK(replicated == std::set<std::string>{"aunet2", "aunet3", "bpe"});
}
