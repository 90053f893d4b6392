// What the trainer and the evaluators need of a model. forward has no memory between calls.
#pragma once

#include "data/batch.h"
#include "model/decoder.h"
#include "nn/parameters.h"

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace aunet {

/// A Batch's tables as int32/int64 tensors on one device; host-side sizes stay on the host.
struct DeviceTransition {
  at::Tensor kept;   // [R_{k+1}] int64
  at::Tensor unit;   // [R_k] int64
  at::Tensor order;  // [R_k] int64, rows sorted by offset
  std::array<int32_t, kOffsets + 1> group{};
  at::Tensor pooled, pooled_unit;  // [P] int64; undefined unless pooling looks at whole units
  at::Tensor unit_rows;            // [R_{k+1}] int64; likewise
};
struct DeviceUnitTargets {
  std::vector<at::Tensor> rows, targets;  // [reach] [n_i] int64
};
struct DeviceBatch {
  int64_t n_sequences = 0;
  at::Tensor inputs, targets;                   // [R_1] int64
  at::Tensor target_levels;                     // [R_1] int64 or undefined
  std::vector<at::Tensor> positions;            // [K] [R_k] int32: row index inside its sequence (rotary)
  std::vector<std::vector<int32_t>> cu_rows;    // [K][B+1] on the host
  std::vector<at::Tensor> cu_rows_device;       // [K] [B+1] int32
  std::vector<DeviceTransition> transitions;    // [K-1]
  std::vector<DeviceUnitTargets> unit_targets;  // [K] or empty
  int64_t text_bytes = 0, target_units = 0;
};
DeviceBatch to_device(const Batch& batch, const at::Device& device);

/// Sums, never means: ranks and micro-batches with different counts add up.
struct LossSums {
  at::Tensor nats;        // 0-d fp32, cross-entropy summed over all targets
  at::Tensor level_nats;  // 0-d fp32, level head's cross-entropy summed; undefined without a level head
  std::vector<at::Tensor> unit_nats;  // [K] or empty: of each stage's own head; undefined without one
};

/// Base of every model. Weights are views of one flat buffer and their gradients of another
/// (nn/parameters.h): `.grad()` is always defined, backward adds to it, and nothing may replace it, so
/// zero_grad() zeroes in place.
class LanguageModel : public torch::nn::Module {
 public:
  /// Differentiable loss sums of a batch. Only backward() on them is supported, once.
  virtual LossSums loss(const DeviceBatch& batch) = 0;
  /// [R_1, V] fp32 logits of a batch (the training head, final norm included); no gradient.
  virtual at::Tensor logits(const DeviceBatch& batch) = 0;
  /// [R_1] fp32 nats of each target; no gradient.
  virtual at::Tensor target_nats(const DeviceBatch& batch) = 0;
  /// Weight of level_nats in the objective.
  virtual double lambda_level() const { return 0; }
  /// Weight of unit_nats[stage] in the objective.
  virtual double lambda_unit(size_t /*stage*/) const { return 0; }
  /// For generating n_sequences at once; it refers to this model, whose weights must stay as they are. Throws
  /// BugError for a model that cannot generate.
  virtual std::unique_ptr<Decoder> decoder(int64_t n_sequences) const;
  /// Parameters under their official names (golden/README.md), as export and checkpoints write them. Fused
  /// storage (QKV, W1|W3) is presented as views, so writing into them writes the model.
  virtual std::vector<std::pair<std::string, at::Tensor>> official_parameters();
  /// Gradients in the order of official_parameters().
  virtual std::vector<std::pair<std::string, at::Tensor>> official_gradients();

  /// Zeroes the gradients in place, whatever `set_to_none` says.
  void zero_grad(bool set_to_none = false) override;
  /// Moves the flat buffers; optimizers built before do not follow.
  void to(torch::Device device, bool non_blocking = false) override;
  /// Type of the activations: fp32 (default), fp64 on a CPU after to_double() (gradient checks), bf16 on
  /// CUDA.
  at::ScalarType compute_type() const { return compute_type_; }
  void set_compute_type(at::ScalarType type) { compute_type_ = type; }
  void to_double();

  const ParameterStore& store() const { return store_; }

 protected:
  /// Allocates what the constructor declared, registers it with the module, and draws the weights. Without a
  /// seed the weights are on the meta device: shapes, no memory, no values.
  void finish(std::optional<uint64_t> init_seed);
  ParameterStore store_;

 private:
  at::ScalarType compute_type_ = at::kFloat;
};

/// What training minimises: (nats + lambda_level level_nats) / units + sum_k lambda_k unit_nats[k] /
/// unit_targets[k]. The objectives of a step's batches, each divided by the counts of the whole step, add up.
at::Tensor objective(const LanguageModel& model, const LossSums& sums, const TargetCounts& step);

}  // namespace aunet
