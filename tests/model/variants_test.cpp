// The transitions that the official code does not have, and the official ones beside them: every pooling with
// every way up and both skips.
#include "tests/model/random_batch.h"
#include "tests/nn/gradient_check.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include <cmath>

using namespace aunet;

namespace {

std::string described(const AunetConfig& c) {
  return c.pooling_type + " up " + (c.upsampling.empty() ? "by type" : c.upsampling) + " skip " + c.skip;
}

/// Poolings x ways up x skips: 4 boundary types, 3 others each with 4 ways up, non_param alone; all twice.
std::vector<AunetConfig> variants() {
  std::vector<AunetConfig> all;
  for (const std::string& pooling : pooling_types()) {
    AunetConfig c = small_aunet();
    c.pooling_type = pooling;
    if (pooling_of(c) == Pooling::None) {
      c.dimensions = {16, 32, 64};
      c.head_dims = {8, 16, 32};
    }
    const bool whole_units = pooling_of(c) != Pooling::Boundary && pooling_of(c) != Pooling::None;
    for (const std::string& up : whole_units ? upsampling_types() : std::vector<std::string>{""})
      for (const char* skip : {"add", "concat"}) {
        c.upsampling = up;
        c.skip = skip;
        all.push_back(c);
      }
  }
  return all;
}

DeviceBatch batch_of(const std::vector<Sequence>& sequences, const AunetConfig& config) {
  return to_device(pack(sequences, config), at::kCPU);
}

TargetCounts counts_of(const std::vector<Sequence>& sequences, const AunetConfig& config) {
  TargetCounts counts;
  counts += pack(sequences, config);
  return counts;
}

std::vector<Sequence> random_sequences(const char* name, const std::vector<int64_t>& lengths) {
  RandomStream stream(11, name);
  std::vector<Sequence> sequences;
  for (const int64_t rows : lengths) sequences.push_back(random_sequence(stream, rows, 3));
  return sequences;
}

void check_all_gradients(const AunetConfig& config, const std::vector<Sequence>& sequences) {
  AUNet model(config, 1);
  model.to_double();
  const DeviceBatch batch = batch_of(sequences, config);
  const TargetCounts counts = counts_of(sequences, config);
  const auto total = [&] { return objective(model, model.loss(batch), counts); };
  total().backward();
  std::vector<std::pair<std::string, at::Tensor>> checked = model.official_parameters();
  std::vector<at::Tensor> analytic;
  for (const auto& gradient : model.official_gradients()) analytic.push_back(gradient.second.clone());
  const at::NoGradGuard no_grad;
  check_gradients([&] { return total().item<double>(); }, checked, analytic, 3);
}

}  // namespace

TEST_CASE("gradients of every variant equal finite differences in double", "[model][variants]") {
  const std::vector<Sequence> sequences = random_sequences("test.variants", {40, 1, 25});
  CHECK(variants().size() == 2 * (4 + 3 * 4 + 1));
  for (AunetConfig config : variants()) {
    config.residuals = {true, config.skip == "concat"};
    INFO(described(config));
    check_all_gradients(config, sequences);
  }
}

TEST_CASE("gradients with grouped queries, a tied head and the level head equal finite differences",
          "[model][variants]") {
  AunetConfig config = small_aunet();
  config.dimensions = {16, 24, 40};
  config.head_dims = {4, 4, 10};
  config.n_kv_heads = {2, 3, 1};
  config.weight_tying = true;
  config.lambda_level = 0.3;
  check_all_gradients(config, random_sequences("test.grouped", {30, 20}));
}

TEST_CASE("in every variant a changed byte moves no logit before it, and some at it", "[model][variants]") {
  for (const AunetConfig& config : variants()) {
    AUNet model(config, 1);
    RandomStream stream(12, "test.variants.causal");
    const Sequence before = random_sequence(stream, 70, 3);
    const at::Tensor logits = model.logits(batch_of({before}, config));
    for (const size_t t : {1u, 6u, 23u, 24u, 25u, 26u, 69u}) {
      Sequence after = before;
      after.inputs[t] = (after.inputs[t] + 1) % 256;
      after.input_levels[t] = 2 - after.input_levels[t];
      for (size_t i = t + 1; i < after.inputs.size(); ++i)
        after.input_levels[i] = static_cast<int32_t>(stream.below(3));
      const at::Tensor changed = model.logits(batch_of({after}, config));
      const auto n = static_cast<int64_t>(t);
      INFO(described(config) << ", byte " << t);
      // non_param rolls the features of a row only: nothing crosses rows there either.
      CHECK((changed - logits).narrow(0, 0, n).abs().max().item<double>() < 1e-5);
      CHECK((changed - logits)[n].abs().max().item<double>() > 1e-4);
    }
  }
}

TEST_CASE("in every variant a packed sequence gets what it gets alone", "[model][variants]") {
  for (const AunetConfig& config : variants()) {
    AUNet model(config, 1);
    const std::vector<Sequence> sequences = random_sequences("test.variants.packed", {50, 1, 33, 2});
    const at::Tensor together = model.target_nats(batch_of(sequences, config));
    int64_t first = 0;
    for (const Sequence& s : sequences) {
      const at::Tensor alone = model.target_nats(batch_of({s}, config));
      INFO(described(config));
      CHECK((together.narrow(0, first, alone.size(0)) - alone).abs().max().item<double>() < 1e-5);
      first += alone.size(0);
    }
  }
}

TEST_CASE("caps cut rows of every variant as if the text had no boundaries there", "[model][variants]") {
  for (AunetConfig config : variants()) {
    AUNet model(config, 1);
    Sequence sequence = random_sequences("test.variants.caps", {60})[0];
    const at::Tensor free = model.target_nats(batch_of({sequence}, config));
    config.max_seqlens = {-1, 6, 2};
    const Batch cut = pack(std::vector<Sequence>{sequence}, config);
    REQUIRE(cut.cut_rows > 0);
    const at::Tensor capped = model.target_nats(to_device(cut, at::kCPU));
    const int64_t first_cut = cut.transitions[0].kept.back();
    Sequence without = sequence;  // the same model without caps, on levels that need none
    std::vector<int32_t> kept_levels(without.input_levels.size(), 0);
    for (const int32_t row : cut.transitions[0].kept) kept_levels[row] = 1;
    for (const int32_t row : cut.transitions[1].kept) kept_levels[cut.transitions[0].kept[row]] = 2;
    without.input_levels = kept_levels;
    config.max_seqlens = {-1, -1, -1};
    INFO(described(config));
    CHECK((model.target_nats(batch_of({without}, config)) - capped).abs().max().item<double>() < 1e-5);
    CHECK((capped - free).narrow(0, 0, 2).abs().max().item<double>() < 1e-5);
    CHECK((capped - free).narrow(0, first_cut, 60 - first_cut).abs().max().item<double>() > 1e-4);
  }
}

TEST_CASE("bf16 activations give nearly the fp32 loss and gradient in every variant", "[model][variants]") {
  for (const AunetConfig& config : variants()) {
    AUNet model(config, 1);
    const DeviceBatch batch = batch_of(random_sequences("test.variants.bf16", {100, 60}), config);
    const at::Tensor exact = model.loss(batch).nats;
    exact.backward();
    const at::Tensor gradient = model.store().gradients().clone();
    model.zero_grad();
    model.set_compute_type(at::kBFloat16);
    const at::Tensor rounded = model.loss(batch).nats;
    rounded.backward();
    INFO(described(config));
    CHECK(rounded.item<double>() == Approx(exact.item<double>()).epsilon(5e-3));
    CHECK((model.store().gradients() - gradient).norm().item<double>() <
          0.1 * gradient.norm().item<double>());  // deeper than the plain model: 0.05 there
  }
}

TEST_CASE("two passes over one batch give the same bits in every variant", "[model][variants]") {
  for (const AunetConfig& config : variants()) {
    const DeviceBatch batch = batch_of(random_sequences("test.variants.bits", {90, 61}), config);
    const auto pass = [&] {
      AUNet model(config, 1);
      model.loss(batch).nats.backward();
      return model.store().gradients().clone();
    };
    INFO(described(config));
    CHECK(at::equal(pass(), pass()));
  }
}

namespace {

/// One transition with random weights in double, and rows of two sequences.
struct OneTransition {
  AunetConfig config;
  ParameterStore store;
  StageTransition transition;
  DeviceBatch batch;
  Batch host;
  at::Tensor x, h;

  static AunetConfig sized(AunetConfig c) {
    c.dimensions = {6, 10}, c.layers = {1, 1}, c.head_dims = {2, 2}, c.sliding_windows = {9, 9};
    c.residuals = {true};
    return c;
  }
  explicit OneTransition(const AunetConfig& c) : config(sized(c)), transition(config, 0, store) {
    store.allocate(at::TensorOptions().dtype(at::kDouble));
    RandomStream stream(5, "test.one_transition");
    std::vector<Sequence> sequences = {random_sequence(stream, 23, 2), random_sequence(stream, 1, 2),
                                       random_sequence(stream, 37, 2)};
    host = pack(sequences, config);
    batch = to_device(host, at::kCPU);
    at::manual_seed(3);
    const at::NoGradGuard no_grad;
    for (Parameter& p : store.parameters()) p.value.copy_(at::randn_like(p.value) * 0.4 + 0.1);
    x = at::randn({host.rows(0), 6}, at::kDouble);
    h = at::randn({host.rows(1), 10}, at::kDouble);
  }
  at::Tensor weight(const std::string& name) const {
    for (const auto& [found, value] : store.official(false))
      if (found == "transitions.0." + name + ".weight") return value.detach();
    throw std::runtime_error("no weight " + name);
  }
  at::Tensor norm(const at::Tensor& row, const std::string& name) const {
    return row / (row.square().mean() + config.norm_eps).sqrt() * weight(name);
  }
  /// Fine rows that unit j pools, by the definition.
  std::vector<int64_t> pooled_by(int64_t j) const {
    const auto& kept = host.transitions[0].kept;
    int64_t first = kept[j];
    for (const int32_t start : host.cu_rows[1])
      if (j == start) return {first};
    std::vector<int64_t> rows;
    for (int64_t r = kept[j - 1] + 1; r <= kept[j]; ++r) rows.push_back(r);
    return rows;
  }
};

}  // namespace

TEST_CASE("each pooling is its definition, row by row", "[model][variants]") {
  for (const char* pooling : {"nearest", "average", "max", "cross_attention"}) {
    AunetConfig c;
    c.pooling_type = pooling;
    const OneTransition t(c);
    at::Tensor skip;
    const at::Tensor down = t.transition.down(t.x, t.batch.transitions[0], skip).detach();
    const auto& kept = t.host.transitions[0].kept;
    REQUIRE(down.size(0) == std::ssize(kept));
    for (int64_t j = 0; j < down.size(0); ++j) {
      const at::Tensor rows = t.x.index_select(0, at::tensor(t.pooled_by(j)));
      at::Tensor a = t.x[kept[j]];
      if (c.pooling_type == "average") a = rows.mean(0);
      if (c.pooling_type == "max") a = std::get<0>(rows.max(0));
      if (c.pooling_type == "cross_attention") {
        const at::Tensor q = at::mv(t.weight("pool_attention.wq"), t.norm(t.x[kept[j]], "pool_norm"));
        std::vector<at::Tensor> heads;
        for (int64_t head = 0; head < 3; ++head) {
          std::vector<double> scores;
          std::vector<at::Tensor> values;
          double total = 0;
          for (int64_t s = 0; s < rows.size(0); ++s) {
            const at::Tensor n = t.norm(rows[s], "pool_norm");
            const at::Tensor k = at::mv(t.weight("pool_attention.wk"), n).narrow(0, 2 * head, 2);
            scores.push_back(std::exp((q.narrow(0, 2 * head, 2) * k).sum().item<double>() / std::sqrt(2.0)));
            total += scores.back();
            values.push_back(at::mv(t.weight("pool_attention.wv"), n).narrow(0, 2 * head, 2));
          }
          at::Tensor sum = at::zeros({2}, at::kDouble);
          for (size_t s = 0; s < scores.size(); ++s) sum += values[s] * (scores[s] / total);
          heads.push_back(sum);
        }
        a = a + at::mv(t.weight("pool_attention.wo"), at::cat(heads));
      }
      INFO(pooling << ", unit " << j);
      CHECK((at::mv(t.weight("trans_down"), t.norm(a, "down_norm")) - down[j]).abs().max().item<double>() <
            1e-12);
    }
    CHECK(at::equal(skip, t.x));
  }
}

TEST_CASE("each way up and skip is its definition, row by row", "[model][variants]") {
  for (const char* up : {"indexed_matmul", "repeat", "nearest", "scatter"})
    for (const char* join : {"add", "concat", "none"}) {
      AunetConfig c;
      c.pooling_type = up;
      c.skip = std::string(join) == "concat" ? "concat" : "add";
      const OneTransition t(c);
      const bool without = std::string(join) == "none";
      const at::Tensor out =
          t.transition.up(t.h, without ? at::Tensor() : t.x, t.batch.transitions[0]).detach();
      const Transition& tables = t.host.transitions[0];
      for (int64_t r = 0; r < t.x.size(0); ++r) {
        const int64_t unit = tables.unit[r], q = (r - tables.kept[unit]) % 16;
        at::Tensor u = t.norm(t.h[unit], "up_norm"), matrix = t.weight("trans_up");
        if (c.pooling_type == "indexed_matmul") matrix = matrix + t.weight("indexed_linear")[q];
        if (c.pooling_type == "repeat") u = u + t.weight("pos_encoding")[q];
        at::Tensor z = at::mv(matrix, u);
        if (c.pooling_type == "scatter" && r != tables.kept[unit]) z = at::zeros_like(z);
        at::Tensor expected = without ? z : t.x[r] + z;
        if (c.skip == "concat") expected = at::mv(t.weight("skip"), at::cat({t.x[r], z}));
        INFO(up << " " << join << ", row " << r);
        CHECK((expected - out[r]).abs().max().item<double>() < 1e-12);
      }
    }
}
