// Analytic gradients against central differences in double.
#pragma once

#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include <functional>
#include <string>
#include <vector>

namespace aunet {

/// f() must read `inputs` anew each time. Checks about `samples` entries of every gradient within 2e-7 of its
/// scale.
inline void check_gradients(const std::function<double()>& f,
                            const std::vector<std::pair<std::string, at::Tensor>>& inputs,
                            const std::vector<at::Tensor>& gradients, int64_t samples = 24) {
  constexpr double kStep = 1e-5;
  for (size_t i = 0; i < inputs.size(); ++i) {
    at::Tensor flat = inputs[i].second.view(-1);
    const at::Tensor gradient = gradients[i].contiguous().view(-1);
    const double scale = gradient.abs().max().item<double>();
    REQUIRE(scale > 0);
    double* p = flat.mutable_data_ptr<double>();
    for (int64_t s = 0; s < samples; ++s) {
      const int64_t at = (s * 7919) % flat.numel();
      const double kept = p[at];
      p[at] = kept + kStep;
      const double up = f();
      p[at] = kept - kStep;
      const double down = f();
      p[at] = kept;
      INFO(inputs[i].first << "[" << at << "]");
      CHECK((up - down) / (2 * kStep) == Approx(gradient[at].item<double>()).margin(2e-7 * scale));
    }
  }
}

inline at::Tensor random_like(at::IntArrayRef shape, int64_t seed, double scale = 0.5) {
  at::manual_seed(static_cast<uint64_t>(seed));
  return at::randn(shape, at::kDouble) * scale;
}

}  // namespace aunet
