#include "model/language_model.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace aunet {

namespace {

/// For a GPU through pinned memory: the copy runs beside the host, and its source lives until it is done.
template <typename T>
at::Tensor as(at::ScalarType type, const std::vector<int32_t>& values, const at::Device& device) {
  at::Tensor t = at::empty({static_cast<int64_t>(values.size())},
                           at::TensorOptions().dtype(type).pinned_memory(!device.is_cpu()));
  std::copy(values.begin(), values.end(), t.mutable_data_ptr<T>());
  return device.is_cpu() ? t : t.to(device, /*non_blocking=*/true);
}

at::Tensor as_long(const std::vector<int32_t>& values, const at::Device& device) {
  return as<int64_t>(at::kLong, values, device);
}

at::Tensor as_int(const std::vector<int32_t>& values, const at::Device& device) {
  return as<int32_t>(at::kInt, values, device);
}

std::vector<int32_t> positions_in_sequences(const std::vector<int32_t>& cu_rows) {
  std::vector<int32_t> positions(static_cast<size_t>(cu_rows.back()));
  for (size_t s = 0; s + 1 < cu_rows.size(); ++s)
    for (int32_t i = cu_rows[s]; i < cu_rows[s + 1]; ++i) positions[static_cast<size_t>(i)] = i - cu_rows[s];
  return positions;
}

}  // namespace

DeviceBatch to_device(const Batch& batch, const at::Device& device) {
  DeviceBatch out;
  out.n_sequences = batch.n_sequences;
  out.inputs = as_long(batch.inputs, device);
  out.targets = as_long(batch.targets, device);
  if (!batch.target_levels.empty()) out.target_levels = as_long(batch.target_levels, device);
  out.cu_rows = batch.cu_rows;
  for (const std::vector<int32_t>& cu : batch.cu_rows) {
    out.positions.push_back(as_int(positions_in_sequences(cu), device));
    out.cu_rows_device.push_back(as_int(cu, device));
  }
  for (const Transition& t : batch.transitions) {
    DeviceTransition& d = out.transitions.emplace_back();
    d.kept = as_long(t.kept, device);
    d.unit = as_long(t.unit, device);
    d.order = as_long(t.order, device);
    d.group = t.group;
    if (t.pooled.empty()) continue;
    d.pooled = as_long(t.pooled, device);
    d.pooled_unit = as_long(t.pooled_unit, device);
    d.unit_rows = as_long(t.unit_rows, device);
  }
  for (const UnitTargets& stage : batch.unit_targets) {
    DeviceUnitTargets& d = out.unit_targets.emplace_back();
    for (const auto& rows : stage.rows) d.rows.push_back(as_long(rows, device));
    for (const auto& targets : stage.targets) d.targets.push_back(as_long(targets, device));
  }
  out.text_bytes = batch.text_bytes;
  out.target_units = batch.target_units;
  return out;
}

}  // namespace aunet
