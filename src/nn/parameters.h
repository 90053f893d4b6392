// A model's weights as views of one flat buffer, their gradients as views of another: clipping, the optimizer
// and checkpoints each become one pass over one array.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

namespace aunet {

/// One stored weight. Fused ones (wqkv, w13) hold several official weights, which follow each other in its
/// rows.
struct Parameter {
  std::vector<int64_t> shape;
  std::vector<std::pair<std::string, int64_t>> parts;  // official name, rows (of dimension 0); in order
  at::Tensor value, grad;                              // defined after allocate()
};

class ParameterStore {
 public:
  /// Declares a weight that is one official parameter. The reference stays valid.
  Parameter& add(const std::string& name, std::vector<int64_t> shape);
  /// Declares official parameters [rows_i, columns] that are stored as one.
  Parameter& add_fused(std::vector<std::pair<std::string, int64_t>> parts, int64_t columns);

  /// Allocates both buffers (zeros) and binds all views; each value requires gradients and has its grad as
  /// `.grad()`. Every weight starts at a 64-byte border; the gaps stay zero.
  void allocate(const at::TensorOptions& options = at::TensorOptions().dtype(at::kFloat));
  /// Moves both buffers and binds all views again.
  void to(const at::TensorOptions& options);

  /// Official names with views of values or gradients, in the order of declaration.
  std::vector<std::pair<std::string, at::Tensor>> official(bool gradients) const;
  std::deque<Parameter>& parameters() { return parameters_; }
  const at::Tensor& values() const { return values_; }  // flat, gaps included
  const at::Tensor& gradients() const { return gradients_; }

 private:
  void bind();
  std::deque<Parameter> parameters_;
  at::Tensor values_, gradients_;
};

/// Draws every official parameter from its own stream (seed, "init." + name), whatever else the model holds:
/// vectors are norms and become 1; matrices are normal with std (last dimension)^-0.5, cut at 3 sigma.
/// Source: paper.md 1.4 (d^-0.5, w2 f^-0.5, W_down d_in^-0.5, upsampling d_{i+1}^-0.5: the last dimension
/// each time)
void initialize(const ParameterStore& store, uint64_t seed);

}  // namespace aunet
