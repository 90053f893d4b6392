// The ends of every model: token embedding and vocabulary head, with their autograd nodes.
#pragma once

#include "nn/parameters.h"

#include <ATen/core/Tensor.h>

namespace aunet {

/// [V, d] table.
class Embedding {
 public:
  Embedding(const std::string& name, int64_t vocabulary, int64_t dim, ParameterStore& store);
  /// [R, d] in `type`, one autograd node.
  at::Tensor forward(const at::Tensor& ids, at::ScalarType type) const;
  Parameter& table() const { return *table_; }

 private:
  Parameter* table_;
};

/// logits = out RMSNorm(x).
class Head {
 public:
  Head(Parameter& norm, Parameter& out, double eps) : norm_(&norm), out_(&out), eps_(eps) {}
  /// 0-d fp32 sum of the targets' nats; one autograd node.
  at::Tensor nats_sum(const at::Tensor& x, const at::Tensor& targets) const;
  /// [R] fp32, no gradient.
  at::Tensor nats(const at::Tensor& x, const at::Tensor& targets) const;
  /// [R, V] fp32, no gradient.
  at::Tensor logits(const at::Tensor& x) const;

 private:
  Parameter *norm_, *out_;
  double eps_;
};

}  // namespace aunet
