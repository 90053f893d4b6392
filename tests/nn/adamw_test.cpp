#include "core/error.h"
#include "nn/adamw.h"
#include "nn/parameters.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include <cmath>

using namespace aunet;

namespace {

/// Two parameters of 5 and 2x2 values in one flat buffer.
struct Toy {
  ParameterStore store;
  std::vector<at::Tensor> parameters;
  Toy() {
    store.add("p", {5});
    store.add("q", {2, 2});
    store.allocate();
    const at::NoGradGuard no_grad;
    for (Parameter& p : store.parameters()) parameters.push_back(p.value);
    parameters[0].copy_(at::tensor({0.5f, -1.25f, 2.0f, 0.0078125f, -3.0f}));
    parameters[1].copy_(at::tensor({1.0f, -0.5f, 0.25f, 4.0f}).view({2, 2}));
  }
  void set_gradients(int step) {
    store.parameters()[0].grad.copy_(at::tensor({0.1f, -0.2f, 0.3f, -0.4f, 0.05f}) *
                                     ((step + 1) * (step / 2 % 2 ? -1.0 : 1.0)));
    store.parameters()[1].grad.copy_(at::tensor({0.01f, 0.02f, -0.03f, 0.04f}).view({2, 2}) * (5 - step));
  }
};

}  // namespace

TEST_CASE("five clipped steps follow torch's Python AdamW", "[adamw]") {
  // torch 2.11: AdamW(lr, (0.9, 0.95), 1e-8, weight_decay 0.1) after clip_grad_norm_(0.2), lr 1e-2 / (s + 1).
  const double norms[] = {0.6144102811813354, 1.1216059923171997, 1.6581617593765259, 2.202725648880005,
                          2.7505452632904053};
  const float expected[][9] = {{0.489500016f, -1.23874998f, 1.98800004f, 0.0178046878f, -3.00699997f,
                                0.989000022f, -0.509500027f, 0.259750009f, 3.98600006f},
                               {0.484254301f, -1.23312962f, 1.982005f, 0.0227967482f, -3.01049757f,
                                0.983903706f, -0.513847053f, 0.264221877f, 3.97940516f},
                               {0.48330763f, -1.23193336f, 1.98055911f, 0.0235744007f, -3.01027942f,
                                0.98079294f, -0.516458631f, 0.266916633f, 3.97529602f},
                               {0.483521938f, -1.23196054f, 1.98039913f, 0.0232333671f, -3.00919175f,
                                0.97867614f, -0.518201172f, 0.268721551f, 3.97243071f},
                               {0.48312673f, -1.23141563f, 1.97970462f, 0.0235272571f, -3.00888848f,
                                0.977153897f, -0.519424081f, 0.269994378f, 3.97030973f}};
  Toy toy;
  AdamW optimizer(toy.parameters, OptimConfig{});
  for (int s = 0; s < 5; ++s) {
    toy.set_gradients(s);
    CHECK(optimizer.step(1e-2 / (s + 1)) == Approx(norms[s]).epsilon(1e-6));
    const at::Tensor now = at::cat({toy.parameters[0].detach(), toy.parameters[1].detach().flatten()});
    for (int i = 0; i < 9; ++i) CHECK(now[i].item<float>() == Approx(expected[s][i]).margin(3e-7));
  }
  CHECK(optimizer.step_count() == 5);
  CHECK(optimizer.first_moment()[3].item<float>() == Approx(-0.00868622027).epsilon(1e-5));
  CHECK(optimizer.second_moment()[3].item<float>() == Approx(0.00456804549).epsilon(1e-5));
}

TEST_CASE("an optimizer given back its state takes the same step, bit for bit", "[adamw]") {
  Toy a, b;
  AdamW first(a.parameters, OptimConfig{});
  for (int s = 0; s < 3; ++s) a.set_gradients(s), first.step(1e-2);
  AdamW second(b.parameters, OptimConfig{});
  const at::NoGradGuard no_grad;
  b.store.values().copy_(a.store.values());
  second.first_moment().copy_(first.first_moment());
  second.second_moment().copy_(first.second_moment());
  second.step_count() = first.step_count();
  a.set_gradients(3), b.set_gradients(3);
  first.step(1e-2), second.step(1e-2);
  CHECK(at::equal(a.store.values(), b.store.values()));
}

TEST_CASE("zero_grad keeps the gradient views alive", "[adamw]") {
  Toy toy;
  AdamW optimizer(toy.parameters, OptimConfig{});
  toy.set_gradients(0);
  optimizer.zero_grad();
  CHECK(toy.parameters[0].grad().is_alias_of(toy.store.gradients()));
  CHECK(toy.parameters[0].grad().abs().sum().item<float>() == 0);
}

TEST_CASE("a gradient that is not finite shows in the norm", "[adamw]") {
  Toy toy;
  AdamW optimizer(toy.parameters, OptimConfig{});
  toy.set_gradients(0);
  toy.store.parameters()[0].grad[2] = std::nan("");
  CHECK(std::isnan(optimizer.step(1e-2)));
}

TEST_CASE("parameters outside one flat buffer are refused", "[adamw]") {
  at::Tensor p = at::zeros({3}), q = at::zeros({3});
  p.mutable_grad() = at::zeros({3});
  q.mutable_grad() = at::zeros({3});
  CHECK_THROWS_AS(AdamW({p, q}, OptimConfig{}), BugError);
}
