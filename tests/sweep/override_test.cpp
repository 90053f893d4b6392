#include "sweep/override.h"

#include "core/error.h"
#include "sweep/cell_json.h"
#include "tests/sweep/fake_data.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>

using namespace aunet;
using Catch::Contains;

namespace {

Plan plan_with(const std::string& overrides) {
  FakeData data;
  const std::string text = R"([sweep]
name = "mended"
[data]
train = ["a.jsonl"]
heldout = ["h.jsonl"]
context_bytes = 256
[budget]
flops = [1e9, 1e10]
[[family]]
name = "aunet2"
model = { kind = "aunet", dimensions = [32, 64], layers = [1, 3], split = "word" }
lr = 0.02
batch_bytes = 4096
)" + overrides;
  return make_plan(parse_sweep_spec(text, "s.toml"), data.provider(), kNoLosses);
}

std::string rule(const std::string& where, const std::string& set,
                 const std::string& reason = "it diverged") {
  return fmt::format("[[override]]\nwhere = \"{}\"\nset = {{ {} }}\nreason = \"{}\"\n", where, set, reason);
}

std::string error_of(const std::string& overrides) {
  try {
    plan_with(overrides);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("an override mends one cell by the beginning of its key; both stay", "[override]") {
  const Plan before = plan_with("");
  const std::string key = before.cells[0].key;
  const Plan after = plan_with(rule("key == '" + key.substr(0, 6) + "'", "lr = \"x0.5\""));
  REQUIRE(after.cells.size() == 2);
  const Cell& mended = after.cells[0];
  CHECK(mended.run.optim.lr == 0.01);
  CHECK(mended.lr_source == "override: it diverged");
  CHECK(mended.key == train_key(mended.run));
  CHECK(mended.key != key);
  CHECK(mended.text_bytes == before.cells[0].text_bytes);
  CHECK(after.cells[1].key == before.cells[1].key);
  REQUIRE(after.excluded.size() == 1);
  CHECK(after.excluded[0].cell.key == key);
  CHECK(after.excluded[0].reason == "superseded by " + mended.key + ": it diverged");
  CHECK(after.notes.empty());
}

TEST_CASE("every field is set or multiplied", "[override]") {
  const Cell old = plan_with("").cells[0];
  const auto mended = [](const std::string& set) { return plan_with(rule("budget == 1e9", set)).cells[0]; };
  CHECK(mended("lr = 0.003").run.optim.lr == 0.003);
  CHECK(mended("weight_decay = 0").run.optim.weight_decay == 0);
  CHECK(mended("clip = \"x0.5\"").run.optim.clip == 0.5 * old.run.optim.clip);
  CHECK(mended("warmup = \"x2\"").run.schedule.warmup == 2 * old.run.schedule.warmup);
  CHECK(mended("init_seed = 7").run.seeds.init == 7);
  const Cell half = mended("batch_bytes = \"x0.5\"");
  CHECK(half.run.horizon.batch_windows == old.run.horizon.batch_windows / 2);
  CHECK(half.steps == 2 * old.steps);
  CHECK(half.run.horizon.windows == old.run.horizon.windows);
}

TEST_CASE("a mended cell may be mended again, under its old key or its new one", "[override]") {
  const std::string planned = plan_with("").cells[0].key;
  const std::string first = rule("key == '" + planned + "'", "lr = \"x0.5\"", "first");
  const std::string once = plan_with(first).cells[0].key;
  for (const std::string& key : {planned, once}) {
    const Plan twice = plan_with(first + rule("key == '" + key + "'", "lr = \"x0.5\"", "second"));
    CHECK(twice.cells[0].run.optim.lr == 0.005);
    REQUIRE(twice.excluded.size() == 2);
    CHECK(twice.excluded[0].reason == "superseded by " + once + ": first");
    CHECK(twice.excluded[1].cell.key == once);
    CHECK(twice.excluded[1].reason == "superseded by " + twice.cells[0].key + ": second");
  }
}

TEST_CASE("an override that meets no cell is noted, one that changes nothing is refused", "[override]") {
  const Plan plan = plan_with(rule("key == 'ffffffffffff0000'", "lr = 0.1"));
  REQUIRE(plan.notes.size() == 1);
  CHECK(plan.notes[0] == "s.toml:15: override \"key == 'ffffffffffff0000'\" meets no cell");
  CHECK_THAT(error_of(rule("budget == 1e9", "lr = 0.02")),
             Contains("s.toml:15: override.set: expected a change, got what cell"));
}

TEST_CASE("wrong overrides are refused at their place", "[override]") {
  CHECK(error_of(rule("key == 'xyz!'", "lr = 0.1")) ==
        "s.toml:15: override.where: expected the beginning of a key in quotes, 4 to 16 of its digits, got "
        "''xyz!''");
  CHECK(error_of(rule("key < 'abcd'", "lr = 0.1")) ==
        "s.toml:15: override.where: expected == or != after a text, got '<'");
  CHECK(error_of(rule("budget > 0", "lr = \"0.5\"")) ==
        "s.toml:16:14: override.0.set.lr: expected a number, or a factor like \"x0.5\", got \"0.5\"");
  CHECK(error_of(rule("budget > 0", "lr = -1")) ==
        "s.toml:16:14: override.0.set.lr: expected a number above 0, got -1");
  CHECK_THAT(error_of(rule("budget > 0", "rate = 1")), Contains("unknown key 'rate'"));
  CHECK_THAT(error_of(rule("budget > 0", "")),
             Contains("override.0.set: expected at least one value to change"));
  CHECK_THAT(error_of(rule("budget > 0", "lr = 0.1", " ")),
             Contains("override.0.reason: expected a reason in words"));
}
