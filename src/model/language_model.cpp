#include "model/language_model.h"

#include "core/error.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace aunet {

at::Tensor objective(const LanguageModel& model, const LossSums& sums, const TargetCounts& step) {
  at::Tensor bytes = sums.nats;
  if (sums.level_nats.defined()) bytes = bytes + sums.level_nats * model.lambda_level();
  at::Tensor total = bytes / static_cast<double>(step.units);
  for (size_t k = 0; k < sums.unit_nats.size(); ++k)
    if (sums.unit_nats[k].defined())
      total = total + sums.unit_nats[k] * (model.lambda_unit(k) / static_cast<double>(step.unit_targets[k]));
  return total;
}

std::unique_ptr<Decoder> LanguageModel::decoder(int64_t) const {
  throw BugError("this model has no decoder");
}

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

void LanguageModel::finish(std::optional<uint64_t> init_seed) {
  store_.allocate(at::TensorOptions().dtype(at::kFloat).device(init_seed ? at::kCPU : at::kMeta));
  for (Parameter& p : store_.parameters()) {
    std::string name = p.parts[0].first;  // module names may not hold dots
    std::replace(name.begin(), name.end(), '.', '_');
    register_parameter(name, p.value);
  }
  if (init_seed) initialize(store_, *init_seed);
}

}  // namespace aunet
