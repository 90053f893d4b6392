#include "tests/model/random_batch.h"
#include "tests/nn/gradient_check.h"

#include <catch2/catch.hpp>

using namespace aunet;

namespace {

DeviceBatch batch_of(const std::vector<Sequence>& sequences, const AunetConfig& config) {
  return to_device(pack(sequences, config), at::kCPU);
}

}  // namespace

TEST_CASE("changing a byte changes no logit before it, and some at it", "[model]") {
  const AunetConfig config = small_aunet();
  AUNet model(config, 1);
  RandomStream stream(1, "test.causal");
  const Sequence before = random_sequence(stream, 90, 3);
  const at::Tensor logits = model.logits(batch_of({before}, config));
  for (const size_t t : {1u, 17u, 45u, 89u}) {
    Sequence after = before;
    after.inputs[t] = (after.inputs[t] + 1) % 256;
    after.input_levels[t] = 2 - after.input_levels[t];  // boundaries may move too, from t on
    const at::Tensor changed = model.logits(batch_of({after}, config));
    const auto n = static_cast<int64_t>(t);
    INFO("byte " << t);
    CHECK((changed - logits).narrow(0, 0, n).abs().max().item<double>() < 1e-5);
    CHECK((changed - logits)[n].abs().max().item<double>() > 1e-3);
  }
}

TEST_CASE("a packed sequence gets what it gets alone", "[model]") {
  const AunetConfig config = small_aunet();
  AUNet model(config, 1);
  RandomStream stream(2, "test.packed");
  std::vector<Sequence> sequences;
  for (const int64_t rows : {70, 1, 33, 128}) sequences.push_back(random_sequence(stream, rows, 3));
  const at::Tensor together = model.target_nats(batch_of(sequences, config));
  int64_t first = 0;
  for (const Sequence& s : sequences) {
    const at::Tensor alone = model.target_nats(batch_of({s}, config));
    CHECK((together.narrow(0, first, alone.size(0)) - alone).abs().max().item<double>() < 1e-5);
    first += alone.size(0);
  }
  CHECK(first == together.size(0));
  CHECK(model.loss(batch_of(sequences, config)).nats.item<double>() ==
        Approx(together.sum().item<double>()).epsilon(1e-6));
}

TEST_CASE("gradients of the whole model equal finite differences in double", "[model]") {
  for (const char* pooling : {"indexed_matmul", "repeat", "scatter"}) {
    AunetConfig config = small_aunet();
    config.pooling_type = pooling;
    config.lambda_level = 0.1;
    config.residuals = {true, false};
    AUNet model(config, 1);
    model.to_double();
    RandomStream stream(3, "test.gradients");
    const DeviceBatch batch =
        batch_of({random_sequence(stream, 40, 3), random_sequence(stream, 25, 3)}, config);
    const auto total = [&] {
      const LossSums sums = model.loss(batch);
      return sums.nats + config.lambda_level * sums.level_nats;
    };
    total().backward();
    const auto gradients = model.official_gradients();
    const auto parameters = model.official_parameters();
    const at::NoGradGuard no_grad;
    std::vector<std::pair<std::string, at::Tensor>> checked;
    std::vector<at::Tensor> analytic;
    for (size_t i = 0; i < parameters.size(); ++i) {
      checked.emplace_back(parameters[i].first, parameters[i].second);
      analytic.push_back(gradients[i].second.clone());
    }
    INFO(pooling);
    check_gradients([&] { return total().item<double>(); }, checked, analytic, 3);
  }
}

TEST_CASE("backward adds to the gradients, and zero_grad clears them in place", "[model]") {
  const AunetConfig config = small_aunet();
  AUNet model(config, 1);
  RandomStream stream(4, "test.accumulate");
  const DeviceBatch batch = batch_of({random_sequence(stream, 50, 3)}, config);
  model.loss(batch).nats.backward();
  const at::Tensor once = model.store().gradients().clone();
  model.loss(batch).nats.backward();
  CHECK((model.store().gradients() - 2 * once).abs().max().item<double>() <=
        1e-4 * once.abs().max().item<double>());
  model.zero_grad();
  CHECK(model.store().gradients().abs().max().item<double>() == 0);
  for (const at::Tensor& p : model.parameters()) CHECK(p.grad().is_alias_of(model.store().gradients()));
}

TEST_CASE("writing official parameters writes the model", "[model]") {
  const AunetConfig config = small_aunet();
  AUNet a(config, 1), b(config, 2);
  const at::NoGradGuard no_grad;
  auto from = a.official_parameters();
  auto to = b.official_parameters();
  for (size_t i = 0; i < from.size(); ++i) {
    REQUIRE(from[i].first == to[i].first);
    to[i].second.copy_(from[i].second);
  }
  RandomStream stream(5, "test.write");
  const DeviceBatch batch = batch_of({random_sequence(stream, 30, 3)}, config);
  CHECK(at::equal(a.logits(batch), b.logits(batch)));
}

TEST_CASE("bf16 activations, as on a GPU, give nearly the fp32 loss and gradient", "[model]") {
  for (const char* pooling : {"indexed_matmul", "repeat", "scatter"}) {
    AunetConfig config = small_aunet();
    config.pooling_type = pooling;
    AUNet model(config, 1);
    RandomStream stream(6, "test.bf16");
    const DeviceBatch batch =
        batch_of({random_sequence(stream, 100, 3), random_sequence(stream, 60, 3)}, config);
    const at::Tensor exact = model.loss(batch).nats;
    exact.backward();
    const at::Tensor gradient = model.store().gradients().clone();
    model.zero_grad();
    model.set_compute_type(at::kBFloat16);
    const at::Tensor rounded = model.loss(batch).nats;
    rounded.backward();
    INFO(pooling);
    CHECK(rounded.item<double>() == Approx(exact.item<double>()).epsilon(5e-3));
    CHECK((model.store().gradients() - gradient).norm().item<double>() <
          0.05 * gradient.norm().item<double>());
  }
}
