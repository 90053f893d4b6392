// Multi-scale prediction: what it predicts, its gradients, and that it is off unless asked for.
#include "config/run_config.h"
#include "model/unit_head.h"
#include "nn/adamw.h"
#include "tests/model/random_batch.h"
#include "tests/nn/gradient_check.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include <set>

using namespace aunet;

namespace {

AunetConfig with_heads(const char* targets, int64_t reach, std::vector<double> weights = {0.3, 0.2}) {
  AunetConfig c = small_aunet();
  c.lambda_units = std::move(weights);
  c.unit_targets = targets;
  c.unit_reach = reach;
  return c;
}

std::vector<Sequence> some_sequences(const std::vector<int64_t>& lengths) {
  RandomStream stream(21, "test.unit_head");
  std::vector<Sequence> sequences;
  for (const int64_t rows : lengths) sequences.push_back(random_sequence(stream, rows, 3));
  return sequences;
}

/// (row, target) pairs of stage k at reach i by the definition: byte rows of a stage are those whose forced
/// level reaches it.
std::set<std::pair<int64_t, std::pair<int64_t, int64_t>>> by_definition(
    const std::vector<Sequence>& sequences, const AunetConfig& c, size_t stage, int64_t i) {
  std::set<std::pair<int64_t, std::pair<int64_t, int64_t>>> out;
  int64_t row = 0;
  for (size_t b = 0; b < sequences.size(); ++b) {
    const Sequence& s = sequences[b];
    std::vector<int64_t> bytes;
    for (size_t t = 0; t < s.inputs.size(); ++t)
      if (t == 0 || s.input_levels[t] >= static_cast<int32_t>(stage))
        bytes.push_back(static_cast<int64_t>(t));
    for (size_t j = 0; j < bytes.size(); ++j, ++row) {
      const auto end = j + 1 < bytes.size() ? bytes[j + 1] : static_cast<int64_t>(s.targets.size());
      if (c.unit_targets == "bytes") {
        if (bytes[j] + i < end) out.insert({row, {static_cast<int64_t>(b), s.targets[bytes[j] + i]}});
      } else if (j + static_cast<size_t>(i) < bytes.size()) {
        out.insert({row, {static_cast<int64_t>(b), s.targets[bytes[j + static_cast<size_t>(i)]]}});
      }
    }
  }
  return out;
}

at::Tensor weights_after_steps(const AunetConfig& config, int steps) {
  AUNet model(config, 1);
  AdamW optimizer(model.parameters(), OptimConfig());
  const std::vector<Sequence> sequences = some_sequences({60, 33});
  const Batch batch = pack(sequences, config);
  TargetCounts counts;
  counts += batch;
  for (int step = 0; step < steps; ++step) {
    optimizer.zero_grad();
    objective(model, model.loss(to_device(batch, at::kCPU)), counts).backward();
    optimizer.step(0.01);
  }
  std::vector<at::Tensor> shared;
  for (const auto& [name, value] : model.official_parameters())
    if (name.rfind("unit_heads", 0) != 0) shared.push_back(value.detach().flatten().clone());
  return at::cat(shared);
}

}  // namespace

TEST_CASE("unit targets by hand: bytes of the unit, first bytes of the next units", "[model][units]") {
  // rows    0  1  2  3  4  5  6    targets 10 .. 16
  // levels  2  0  1  0  2  0  0    stage 2 rows: 0 2 4; stage 3 rows: 0 4
  Sequence s;
  s.inputs = {9, 10, 11, 12, 13, 14, 15};
  s.targets = {10, 11, 12, 13, 14, 15, 16};
  s.input_levels = {0, 0, 1, 0, 2, 0, 0};
  s.target_levels = s.input_levels;
  const Batch bytes = pack(std::vector<Sequence>{s}, with_heads("bytes", 3));
  CHECK(bytes.unit_targets[0].rows.empty());
  CHECK(bytes.unit_targets[1].rows == std::vector<std::vector<int32_t>>{{0, 1, 2}, {0, 1, 2}, {2}});
  CHECK(bytes.unit_targets[1].targets == std::vector<std::vector<int32_t>>{{10, 12, 14}, {11, 13, 15}, {16}});
  CHECK(bytes.unit_targets[2].targets == std::vector<std::vector<int32_t>>{{10, 14}, {11, 15}, {12, 16}});
  const Batch first = pack(std::vector<Sequence>{s}, with_heads("first_bytes", 3));
  CHECK(first.unit_targets[1].targets == std::vector<std::vector<int32_t>>{{10, 12, 14}, {12, 14}, {14}});
  CHECK(first.unit_targets[2].targets == std::vector<std::vector<int32_t>>{{10, 14}, {14}, {}});
  CHECK(first.unit_targets[2].count() == 3);
}

TEST_CASE("unit targets of random batches equal the definition; caps lengthen the last unit",
          "[model][units]") {
  const std::vector<Sequence> sequences = some_sequences({70, 1, 2, 41});
  for (const char* targets : {"bytes", "first_bytes"}) {
    const AunetConfig c = with_heads(targets, 5);
    const Batch batch = pack(sequences, c);
    for (const size_t stage : {1u, 2u})
      for (int64_t i = 0; i < 5; ++i) {
        const auto at_reach = static_cast<size_t>(i);
        const UnitTargets& made = batch.unit_targets[stage];
        std::set<std::pair<int64_t, std::pair<int64_t, int64_t>>> pairs;
        for (size_t n = 0; n < made.rows[at_reach].size(); ++n) {
          const int32_t row = made.rows[at_reach][n];
          const auto& cu = batch.cu_rows[stage];
          const auto b = std::upper_bound(cu.begin(), cu.end(), row) - cu.begin() - 1;
          pairs.insert({row, {b, made.targets[at_reach][n]}});
        }
        INFO(targets << ", stage " << stage << ", reach " << i);
        CHECK(pairs == by_definition(sequences, c, stage, i));
      }
  }
  AunetConfig capped = with_heads("bytes", 200);
  capped.max_seqlens = {-1, 1, 1};
  const Batch one_unit = pack(std::vector<Sequence>{sequences[0]}, capped);
  CHECK(one_unit.unit_targets[2].count() == 70);  // the only unit holds every byte
}

TEST_CASE(
    "the unit heads' nats are cross-entropies of W_i RMSNorm(h), and their weights are divided by counts",
    "[model][units]") {
  for (const char* targets : {"bytes", "first_bytes"}) {
    const AunetConfig c = with_heads(targets, 4);
    ParameterStore store;
    const UnitHead head(c, 2, store);
    store.allocate(at::TensorOptions().dtype(at::kDouble));
    initialize(store, 7);
    const std::vector<Sequence> sequences = some_sequences({50, 20});
    const Batch host = pack(sequences, c);
    const DeviceBatch batch = to_device(host, at::kCPU);
    at::manual_seed(5);
    const at::Tensor h = at::randn({host.rows(2), 40}, at::kDouble);
    double expected = 0;
    for (size_t i = 0; i < 4; ++i) {
      const at::Tensor w = store.official(false)[1 + i].second.detach();
      for (size_t n = 0; n < host.unit_targets[2].rows[i].size(); ++n) {
        const at::Tensor row = h[host.unit_targets[2].rows[i][n]];
        const at::Tensor logits = at::mv(w, row / (row.square().mean() + c.norm_eps).sqrt());
        expected -= at::log_softmax(logits, 0)[host.unit_targets[2].targets[i][n]].item<double>();
      }
    }
    CHECK(head.nats_sum(h, batch.unit_targets[2]).item<double>() == Approx(expected).epsilon(1e-12));

    AUNet model(c, 1);
    const LossSums sums = model.loss(batch);
    TargetCounts counts;
    counts += host;
    const double n1 = static_cast<double>(host.unit_targets[1].count()),
                 n2 = static_cast<double>(host.unit_targets[2].count());
    CHECK(objective(model, sums, counts).item<double>() ==
          Approx(sums.nats.item<double>() / 70 + 0.3 * sums.unit_nats[1].item<double>() / n1 +
                 0.2 * sums.unit_nats[2].item<double>() / n2));
  }
}

TEST_CASE("gradients with unit heads equal finite differences in double", "[model][units]") {
  for (const char* targets : {"bytes", "first_bytes"}) {
    AunetConfig c = with_heads(targets, 3);
    c.lambda_level = 0.1;
    AUNet model(c, 1);
    model.to_double();
    const std::vector<Sequence> sequences = some_sequences({40, 25});
    const Batch host = pack(sequences, c);
    const DeviceBatch batch = to_device(host, at::kCPU);
    TargetCounts counts;
    counts += host;
    const auto total = [&] { return objective(model, model.loss(batch), counts); };
    total().backward();
    const auto checked = model.official_parameters();
    std::vector<at::Tensor> analytic;
    for (const auto& gradient : model.official_gradients()) analytic.push_back(gradient.second.clone());
    INFO(targets);
    const at::NoGradGuard no_grad;
    check_gradients([&] { return total().item<double>(); }, checked, analytic, 3);
  }
}

TEST_CASE("unit heads of weight 0, or none, leave every weight bit for bit after some steps",
          "[model][units]") {
  const at::Tensor plain = weights_after_steps(small_aunet(), 4);
  CHECK(at::equal(plain, weights_after_steps(with_heads("bytes", 4, {0, 0}), 4)));
  CHECK(at::equal(plain, weights_after_steps(with_heads("first_bytes", 2, {}), 4)));
  CHECK_FALSE(at::equal(plain, weights_after_steps(with_heads("bytes", 4), 4)));
  // a new head draws from a stream of its own
  CHECK(at::equal(weights_after_steps(small_aunet(), 0), weights_after_steps(with_heads("bytes", 4), 0)));
  AUNet one(with_heads("bytes", 2, {0, 0.5}), 1);
  int64_t heads = 0;
  for (const auto& parameter : one.official_parameters()) {
    heads += parameter.first.rfind("unit_heads", 0) == 0;
    CHECK(parameter.first.rfind("unit_heads.1", 0) != 0);
  }
  CHECK(heads == 1 + 2);
}

TEST_CASE("unit heads learn: their nats fall on a text they are trained on", "[model][units]") {
  const AunetConfig c = with_heads("bytes", 2);
  AUNet model(c, 1);
  AdamW optimizer(model.parameters(), OptimConfig());
  const Batch host = pack(some_sequences({80}), c);
  TargetCounts counts;
  counts += host;
  const DeviceBatch batch = to_device(host, at::kCPU);
  std::vector<double> nats;
  for (int step = 0; step < 60; ++step) {
    optimizer.zero_grad();
    const LossSums sums = model.loss(batch);
    objective(model, sums, counts).backward();
    optimizer.step(0.01);
    nats.push_back(sums.unit_nats[1].item<double>() + sums.unit_nats[2].item<double>());
  }
  CHECK(nats.back() < 0.5 * nats.front());
}
