#include "model/unit_head.h"

#include <ATen/ATen.h>

#include <fmt/format.h>

namespace aunet {

UnitHead::UnitHead(const AunetConfig& config, size_t stage, ParameterStore& store) {
  const int64_t d = config.dimensions[stage];
  const std::string prefix = fmt::format("unit_heads.{}", stage);
  Parameter& norm = store.add(prefix + ".norm.weight", {d});
  for (int64_t i = 0; i < config.unit_reach; ++i) {
    Parameter& out = store.add(fmt::format("{}.output.{}.weight", prefix, i), {config.vocab_size, d});
    heads_.emplace_back(norm, out, config.norm_eps);
  }
}

at::Tensor UnitHead::nats_sum(const at::Tensor& h, const DeviceUnitTargets& targets) const {
  at::Tensor sum;
  for (size_t i = 0; i < heads_.size(); ++i) {
    if (targets.rows[i].numel() == 0) continue;  // no unit is that long
    const at::Tensor nats = heads_[i].nats_sum(h.index_select(0, targets.rows[i]), targets.targets[i]);
    sum = sum.defined() ? sum + nats : nats;
  }
  return sum;
}

}  // namespace aunet
