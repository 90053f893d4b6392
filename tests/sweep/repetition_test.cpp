// Epochs are counted source by source: a small source with a large weight repeats unseen in the sum.
#include "sweep/repetition.h"

#include "sweep/cell_json.h"
#include "tests/sweep/fake_data.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <numeric>

using namespace aunet;

namespace {

constexpr double kSmall = 2e4, kLarge = 1e8;

/// Every third window is of the small source.
uint16_t source_of(int64_t window) { return window % 3 == 2 ? 1 : 0; }

/// FakeData with two sources.
FactsProvider two_sources(FakeData& data) {
  return [one = data.provider()](const FamilySpec& family, uint64_t seed, int64_t n) -> const DataFacts& {
    auto& facts = const_cast<DataFacts&>(one(family, seed, n));
    facts.source_bytes = {kLarge, kSmall};
    facts.epoch_bytes = kLarge + kSmall;
    facts.window_source.clear();
    for (int64_t w = 0; w < std::ssize(facts.text_bytes); ++w) facts.window_source.push_back(source_of(w));
    return facts;
  };
}

SweepSpec spec_of(const std::string& data, const std::string& budgets) {
  return parse_sweep_spec(fmt::format(R"([sweep]
name = "repeats"
[data]
train = [{{ path = "large.jsonl", weight = 2 }}, {{ path = "small.jsonl", weight = 1 }}]
heldout = ["h.jsonl"]
context_bytes = 256
{}
[budget]
flops = {}
[[family]]
name = "aunet2"
model = {{ kind = "aunet", dimensions = [32, 64], layers = [1, 3], split = "word" }}
lr = 0.01
batch_bytes = 4096
)",
                                      data, budgets),
                          "s.toml");
}

}  // namespace

TEST_CASE("a cell's epochs are those of the source that repeats most, exactly", "[sweep]") {
  FakeData data(256, kLarge + kSmall);
  const FactsProvider facts = two_sources(data);
  const SweepSpec spec = spec_of("", "[5e10, 1e12]");
  const Plan plan = make_plan(spec, facts, kNoLosses);
  REQUIRE(plan.cells.size() == 1);
  REQUIRE(plan.excluded.size() == 1);
  for (const Cell& cell : {plan.cells[0], plan.excluded[0].cell}) {
    const HorizonConfig& horizon = cell.run.horizon;
    const DataFacts& known = facts(spec.families[0], 0, horizon.windows);
    double drawn[2] = {0, 0};
    for (int64_t w = 0; w < horizon.windows; ++w) {
      const bool cut = w + 1 == horizon.windows && horizon.last_window_bytes > 0;
      drawn[source_of(w)] += cut ? static_cast<double>(horizon.last_window_bytes)
                                 : static_cast<double>(known.text_bytes[static_cast<size_t>(w)]);
    }
    REQUIRE(cell.sources.size() == 2);
    CHECK(cell.sources[0].drawn_bytes == drawn[0]);
    CHECK(cell.sources[1].drawn_bytes == drawn[1]);
    CHECK(drawn[0] + drawn[1] == cell.text_bytes);
    CHECK(cell.epochs == drawn[1] / kSmall);
    CHECK(cell.unique_bytes == drawn[0] + std::min(drawn[1], kSmall));
    CHECK(cell.text_bytes < kLarge);  // over all sources together nothing repeats
  }
  CHECK(plan.cells[0].epochs > 1);
  CHECK(plan.excluded[0].reason ==
        fmt::format("reads small.jsonl {:.1f} times, more than 4", plan.excluded[0].cell.epochs));
}

TEST_CASE("max_epochs lets a repeating cell run, marked", "[sweep]") {
  FakeData data(256, kLarge + kSmall);
  const Plan plan = make_plan(spec_of("max_epochs = 1000", "[5e10, 1e12]"), two_sources(data), kNoLosses);
  REQUIRE(plan.cells.size() == 2);
  CHECK(plan.excluded.empty());
  CHECK(!plan.cells[0].repeated());
  CHECK(plan.cells[1].repeated());
  const nlohmann::json json = cell_to_json(plan.cells[1]);
  CHECK(json["repeated"] == true);
  CHECK(json["epochs"] == plan.cells[1].epochs);
  CHECK(json["unique_bytes"] == plan.cells[1].unique_bytes);
  CHECK(json["sources"][1]["path"] == "small.jsonl");
  CHECK(json["sources"][1]["epochs"] == plan.cells[1].epochs);
  CHECK(json["sources"][0]["epochs"] < 1);
  // the allowance is not part of what is trained
  FakeData same(256, kLarge + kSmall);
  const Plan strict = make_plan(spec_of("", "[5e10, 1e12]"), two_sources(same), kNoLosses);
  CHECK(strict.cells[0].key == plan.cells[0].key);
  CHECK(strict.excluded[0].cell.key == plan.cells[1].key);
}

TEST_CASE("a stricter max_epochs refuses earlier, and marks nothing", "[sweep]") {
  FakeData data(256, kLarge + kSmall);
  const Plan plan = make_plan(spec_of("max_epochs = 1", "[5e10]"), two_sources(data), kNoLosses);
  REQUIRE(plan.excluded.size() == 1);
  CHECK(!plan.excluded[0].cell.repeated());
  CHECK(plan.excluded[0].reason.ends_with("times, more than 1"));
}

TEST_CASE("a budget far beyond the corpus is counted by the sources' shares", "[sweep]") {
  FakeData data(256, kLarge + kSmall);
  const Plan plan = make_plan(spec_of("", "[1e18]"), two_sources(data), kNoLosses);
  REQUIRE(plan.excluded.size() == 1);
  const Cell& cell = plan.excluded[0].cell;
  REQUIRE(cell.sources.size() == 2);
  const double share = cell.sources[1].drawn_bytes / cell.text_bytes;
  CHECK(share == Approx(1.0 / 3).epsilon(0.05));
  CHECK(cell.unique_bytes == kLarge + kSmall);
}
