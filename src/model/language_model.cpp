#include "model/language_model.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace aunet {

std::vector<std::pair<std::string, at::Tensor>> LanguageModel::official_parameters() {
  return store_.official(false);
}

std::vector<std::pair<std::string, at::Tensor>> LanguageModel::official_gradients() {
  return store_.official(true);
}

void LanguageModel::zero_grad(bool) { store_.gradients().zero_(); }

void LanguageModel::to(torch::Device device, bool) { store_.to(store_.values().options().device(device)); }

void LanguageModel::to_double() {
  compute_type_ = at::kDouble;
  store_.to(store_.values().options().dtype(at::kDouble));
}

void LanguageModel::finish(uint64_t init_seed) {
  store_.allocate();
  for (Parameter& p : store_.parameters()) {
    std::string name = p.parts[0].first;  // module names may not hold dots
    std::replace(name.begin(), name.end(), '.', '_');
    register_parameter(name, p.value);
  }
  initialize(store_, init_seed);
}

}  // namespace aunet
