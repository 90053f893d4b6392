// sweeps/paper_scaling.toml plans the paper's 36 runs: every column against the published tables.
#include "config/sweep_spec.h"
#include "sweep/cell_json.h"
#include "sweep/plan.h"
#include "tests/support/paper_tables.h"
#include "tests/sweep/fake_data.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cmath>

using namespace aunet;

namespace {

/// Declared data: the planner never asks.
const FactsProvider kNoFacts = [](const FamilySpec&, uint64_t, int64_t) -> const DataFacts& {
  throw std::logic_error("a plan of declared data asked for facts");
};

Plan paper_plan() {
  return make_plan(read_sweep_spec(std::string(AUNET_SOURCE_DIR) + "/sweeps/paper_scaling.toml"), kNoFacts,
                   kNoLosses);
}

void check_printed(const TableRow& row, const char* column, double value, double slack = 1) {
  INFO(column << ": printed " << row.at(column) << ", planned " << value);
  CHECK(value == Approx(printed_value(row.at(column))).epsilon(slack * printed_precision(row.at(column))));
}

/// What the three tables have in common. `unit_flops`: name of the column of FLOPs per unit.
void check_common(const TableRow& row, const Cell& cell, double units, const char* unit_flops) {
  CHECK(cell.key.empty());
  check_printed(row, unit_flops, cell.flops_paper.total() / units);
  check_printed(row, "D", units);
  check_printed(row, "LR", cell.run.optim.lr);
  const auto factors = integers(row.at("batch x acc x GPUs"), 'x');
  CHECK(cell.run.horizon.batch_windows == factors[0] * factors[1] * factors[2]);
  // the published steps are D / step rounded down or to the nearest; ours end with a step of fewer windows
  CHECK(std::abs(cell.steps - std::stoll(row.at("steps"))) <= 1);
  CHECK(cell.budget_error == 0);
}

const Cell& cell_of(const Plan& plan, const std::string& family, size_t size) {
  for (const Cell& cell : plan.cells)
    if (cell.family == family && cell.size_index == static_cast<int64_t>(size)) return cell;
  throw std::logic_error("no such cell");
}

}  // namespace

TEST_CASE("the paper's sweep has exactly its 36 runs", "[sweep]") {
  const Plan plan = paper_plan();
  CHECK(plan.cells.size() == 36);
  CHECK(plan.excluded.empty());
  CHECK(plan.tuning_complete);
}

TEST_CASE("every column of the 24 AU-Net rows is planned as published", "[sweep]") {
  const Plan plan = paper_plan();
  for (const std::string family : {"aunet2", "aunet3"}) {
    const auto rows = paper_table("scaling_runs_" + family + ".csv");
    REQUIRE(rows.size() == 12);
    for (size_t i = 0; i < rows.size(); ++i) {
      INFO(family << " " << rows[i].at("name"));
      const Cell& cell = cell_of(plan, family, i);
      const auto& model = std::get<AunetConfig>(cell.run.model);
      CHECK(model.dimensions == integers(rows[i].at("dims"), ';'));
      CHECK(model.layers == integers(rows[i].at("layers"), ';'));
      CHECK(model.head_dims.front() == 64);
      CHECK(model.head_dims.back() == 128);
      check_common(rows[i], cell, cell.text_bytes, "F/byte");
      check_printed(rows[i], "bytes/step", cell.batch_bytes);
      check_printed(rows[i], "printed C", cell.flops_paper.total(), 2);  // two digits, some of them truncated
      CHECK(!cell.tokens);
    }
  }
}

TEST_CASE("every column of the 12 BPE rows is planned as published", "[sweep]") {
  const Plan plan = paper_plan();
  const auto rows = paper_table("scaling_runs_bpe.csv");
  REQUIRE(rows.size() == 12);
  for (size_t i = 0; i < rows.size(); ++i) {
    INFO("bpe " << rows[i].at("name"));
    const Cell& cell = cell_of(plan, "bpe", i);
    const auto& model = std::get<TransformerConfig>(cell.run.model);
    CHECK(model.dim == std::stoll(rows[i].at("d")));
    CHECK(model.n_layers == std::stoll(rows[i].at("L")));
    CHECK(model.head_dim == 128);
    check_common(rows[i], cell, *cell.tokens, "F non-emb");
    check_printed(rows[i], "tok/step", cell.batch_units);
    check_printed(rows[i], "Cne", cell.flops_paper.total());
    CHECK(cell.text_bytes == Approx(4.56 * *cell.tokens));
    const double head = 6.0 * static_cast<double>(model.dim) * 128256 * *cell.tokens;
    check_printed(rows[i], "printed C", cell.flops_paper.total() + head, 2);
  }
}

// The plan uses the published integer products (batch x accumulation x GPUs), the law's value stands beside
// it in the plan. Published sequences, what the law says, and by how much they differ, row by row: the
// nearest whole number to the law is the published one in 3 of 36 rows, and the largest deviation, 6.2 %, is
// more than the 5 % that DESIGN section 4 grants a batch. That is why the file lists them.
namespace {
// clang-format off
struct Batch { int64_t published; double law, percent; };
const std::map<std::string, std::vector<Batch>> kBatches = {
    {"aunet2", {
        {106, 105.7, 0.2}, {129, 129.6, -0.5}, {156, 154.2, 1.1}, {192, 193.9, -1.0},
        {224, 230.8, -3.0}, {288, 288.9, -0.3}, {360, 354.1, 1.7}, {448, 433.7, 3.3},
        {512, 525.5, -2.6}, {640, 639.3, 0.1}, {768, 786.3, -2.3}, {960, 960.7, -0.1}}},
    {"aunet3", {
        {110, 109.2, 0.7}, {135, 134.7, 0.3}, {168, 166.5, 0.9}, {190, 191.7, -0.9},
        {240, 243.1, -1.3}, {288, 291.1, -1.1}, {352, 358.8, -1.9}, {448, 432.5, 3.6},
        {512, 525.8, -2.6}, {640, 653.5, -2.1}, {768, 789.8, -2.8}, {1024, 982.7, 4.2}}},
    {"bpe", {
        {375, 369.8, 1.4}, {432, 421.3, 2.5}, {484, 484.1, 0.0}, {570, 578.3, -1.4},
        {663, 664.4, -0.2}, {770, 760.3, 1.3}, {864, 878.7, -1.7}, {1024, 1028.9, -0.5},
        {1152, 1177.3, -2.1}, {1344, 1352.6, -0.6}, {1536, 1563.9, -1.8}, {1920, 1808.2, 6.2}}},
};
// clang-format on
}  // namespace

TEST_CASE("the published batches deviate from the laws as the table says, row by row", "[sweep]") {
  const Plan plan = paper_plan();
  int exact = 0;
  for (const auto& [family, batches] : kBatches) {
    for (size_t i = 0; i < batches.size(); ++i) {
      const Cell& cell = cell_of(plan, family, i);
      const auto sequences = static_cast<double>(cell.run.horizon.batch_windows);
      const double law = cell.law_batch_units / (cell.batch_units / sequences);
      INFO(family << " row " << i);
      CHECK(cell.run.horizon.batch_windows == batches[i].published);
      CHECK(law == Approx(batches[i].law).margin(0.05));
      CHECK(100 * (sequences / law - 1) == Approx(batches[i].percent).margin(0.05));
      exact += std::llround(law) == batches[i].published;
    }
  }
  CHECK(exact == 3);
}

TEST_CASE("a planned cell prints every field of the contract", "[sweep]") {
  const Plan plan = paper_plan();
  const nlohmann::json bytes = cell_to_json(plan.cells.front()), tokens = cell_to_json(plan.cells.back());
  for (const nlohmann::json& cell : {bytes, tokens}) {
    CHECK(cell.at("key").is_null());
    for (const char* field : {"total", "non_embedding", "active", "embedding"})
      CHECK(cell.at("params").at(field).is_number());
    for (const char* field : {"paper", "useful", "executed", "budget", "error"})
      CHECK(cell.at("flops").at(field).is_number());
    for (const char* field : {"sequences", "units", "bytes"}) CHECK(cell.at("batch").at(field).is_number());
    for (const char* field : {"bytes", "steps", "lr", "memory_bytes"}) CHECK(cell.at(field).is_number());
    CHECK(cell.at("epochs").is_null());
    CHECK(cell.at("role") == "grid");
  }
  CHECK(bytes.at("family") == "aunet2");
  CHECK(bytes.at("tokens").is_null());
  CHECK(bytes.at("model") == "aunet 256,1024 x 3,11");
  CHECK(tokens.at("tokens").is_number());
  CHECK(tokens.at("model") == "llama 3456 x 37 v128254");
  const nlohmann::json whole = plan_to_json(plan);
  CHECK(whole.at("sweep") == "paper_scaling");
  CHECK(whole.at("cells").size() == 36);
  CHECK(whole.at("excluded").empty());
  CHECK(whole.at("notes").empty());
}
