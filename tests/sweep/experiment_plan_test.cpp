#include "sweep/experiment_plan.h"
#include "core/file.h"
#include "sweep/declared.h"
#include "tests/support/paper_tables.h"
#include "tests/sweep/fake_data.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace aunet;

namespace {

ExperimentSpec experiment(const std::string& horizon) {
  return parse_experiment(R"(name = "small"
[model]
kind = "aunet"
stages = 2
split = "word"
dimensions = [32, 64]
layers = [1, 2]
head_dims = [16, 32]
multiple_of = 32
[data]
train = ["a.jsonl"]
heldout = ["b.jsonl"]
context_bytes = 256
[optim]
lr = 0.02
[horizon]
)" + horizon,
                          "small.toml");
}

Cell resolved(const std::string& horizon) {
  FakeData data;
  return resolve_experiment(experiment(horizon), data.provider());
}

}  // namespace

TEST_CASE("an experiment with a budget in FLOPs spends it", "[experiment]") {
  const Cell cell = resolved("flops = 2e10\nbatch_windows = 8");
  CHECK(cell.flops_useful.total() == Approx(2e10).epsilon(1e-3));
  CHECK(cell.run.horizon.batch_windows == 8);
  CHECK(cell.run.origin.budget_flops == 2e10);
  CHECK(cell.run.optim.lr == 0.02);
  CHECK(cell.key.size() == 16);
}

TEST_CASE("an experiment in bytes, steps or windows trains on just that", "[experiment]") {
  CHECK(resolved("bytes = 100000\nbatch_windows = 8").text_bytes == 100000);
  const Cell steps = resolved("steps = 50\nbatch_windows = 8");
  CHECK(steps.steps == 50);
  CHECK(steps.run.horizon.windows == 400);
  const Cell by_bytes = resolved("steps = 50\nbatch_bytes = 1000");
  CHECK(by_bytes.steps == 50);
  CHECK(by_bytes.run.horizon.batch_windows == 4);
  const Cell windows = resolved("windows = 30\nbatch_windows = 8");
  CHECK(windows.run.horizon.windows == 30);
  CHECK(windows.steps == 4);
}

TEST_CASE("a resolved experiment resolves to itself", "[experiment]") {
  FakeData data;
  const Cell first = resolve_experiment(experiment("flops = 2e10\nbatch_windows = 8"), data.provider());
  const Cell second = resolve_experiment(parse_experiment(to_toml(first.run), "run.toml"), data.provider());
  CHECK(second.key == first.key);
  CHECK(to_toml(second.run) == to_toml(first.run));
}

TEST_CASE("every published run of experiments/paper loads and plans its published steps, batch and FLOPs",
          "[experiment]") {
  const std::string folder = std::string(AUNET_SOURCE_DIR) + "/experiments/paper";
  SweepData paper;
  paper.data.context_bytes = 8192;
  paper.declared = DeclaredData{4.56, {8192, 1664, 1144, 768}, 2048};
  size_t n_scaling = 0, n_equal_data = 0, n_ablations = 0;
  for (const std::string& name : list_directory(folder)) {
    INFO(name);
    const ExperimentSpec spec = read_experiment(folder + "/" + name);
    paper.declared->tokens_per_window = spec.run.data.context_bytes > 10000 ? 4096 : 2048;
    const Cell cell = resolve_experiment(spec, declared_facts(paper));
    CHECK(cell.run.optim.lr > 0);
    CHECK(cell.steps * cell.run.horizon.batch_windows == cell.run.horizon.windows);
    (name.find("equal") == 0 ? n_equal_data : name.find("ablation") == 0 ? n_ablations : n_scaling) += 1;
  }
  CHECK(n_scaling == 36);
  CHECK(n_equal_data == 11);
  CHECK(n_ablations == 7);
  for (const char* family : {"aunet2", "aunet3", "bpe"}) {
    for (const TableRow& row : paper_table(std::string("scaling_runs_") + family + ".csv")) {
      INFO(family << " " << row.at("name"));
      const ExperimentSpec spec = read_experiment(folder + "/" + family + "_" + row.at("name") + ".toml");
      paper.declared->tokens_per_window = 2048;
      const Cell cell = resolve_experiment(spec, declared_facts(paper));
      const double units = cell.tokens.value_or(cell.text_bytes);
      const auto factors = integers(row.at("batch x acc x GPUs"), 'x');
      CHECK(cell.steps == std::stoll(row.at("steps")));
      CHECK(cell.run.horizon.batch_windows == factors[0] * factors[1] * factors[2]);
      const char* flops = std::string(family) == "bpe" ? "F non-emb" : "F/byte";
      CHECK(cell.flops_paper.total() / units ==
            Approx(printed_value(row.at(flops))).epsilon(printed_precision(row.at(flops))));
      CHECK(cell.run.optim.lr == printed_value(row.at("LR")));
    }
  }
}
