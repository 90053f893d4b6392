#include "nn/parameters.h"

#include "core/error.h"
#include "core/random.h"

#include <ATen/ATen.h>

#include <cmath>

namespace aunet {

namespace {

constexpr int64_t kAlign = 16;  // floats in 64 bytes

int64_t padded(const std::vector<int64_t>& shape) {
  int64_t n = 1;
  for (const int64_t s : shape) n *= s;
  return (n + kAlign - 1) / kAlign * kAlign;
}

/// A standard normal draw cut at 3 sigma.
double truncated_normal(RandomStream& stream) {
  for (;;)
    if (const double z = stream.normal(); std::abs(z) <= 3) return z;
}

}  // namespace

Parameter& ParameterStore::add(const std::string& name, std::vector<int64_t> shape) {
  require(!values_.defined(), "parameters: declared after allocate");
  Parameter& p = parameters_.emplace_back();
  p.parts = {{name, shape.at(0)}};
  p.shape = std::move(shape);
  return p;
}

Parameter& ParameterStore::add_fused(std::vector<std::pair<std::string, int64_t>> parts, int64_t columns) {
  int64_t rows = 0;
  for (const auto& part : parts) rows += part.second;
  Parameter& p = add(parts.at(0).first, {rows, columns});
  p.parts = std::move(parts);
  return p;
}

void ParameterStore::allocate(const at::TensorOptions& options) {
  int64_t size = 0;
  for (const Parameter& p : parameters_) size += padded(p.shape);
  values_ = at::zeros({size}, options);
  gradients_ = at::zeros({size}, options);
  bind();
}

void ParameterStore::to(const at::TensorOptions& options) {
  const at::NoGradGuard no_grad;
  values_ = values_.to(options);
  gradients_ = gradients_.to(options);
  bind();
}

void ParameterStore::bind() {
  int64_t offset = 0;
  for (Parameter& p : parameters_) {
    const auto view = [&](const at::Tensor& flat) {
      int64_t n = 1;
      for (const int64_t s : p.shape) n *= s;
      return flat.narrow(0, offset, n).view(p.shape);
    };
    const at::Tensor value = view(values_).detach();
    if (p.value.defined()) {
      p.value.mutable_grad() = at::Tensor();
      p.value.set_data(value);  // registered modules hold this very tensor
    } else {
      p.value = value;
      p.value.set_requires_grad(true);
    }
    p.grad = view(gradients_);
    p.value.mutable_grad() = p.grad;
    offset += padded(p.shape);
  }
}

std::vector<std::pair<std::string, at::Tensor>> ParameterStore::official(bool gradients) const {
  std::vector<std::pair<std::string, at::Tensor>> list;
  for (const Parameter& p : parameters_) {
    int64_t row = 0;
    for (const auto& [name, rows] : p.parts) {
      const at::Tensor whole = gradients ? p.grad : p.value.detach();
      list.emplace_back(name, p.parts.size() == 1 ? whole : whole.narrow(0, row, rows));
      row += rows;
    }
  }
  return list;
}

void initialize(const ParameterStore& store, uint64_t seed) {
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : store.official(false)) {
    if (tensor.dim() == 1) {
      tensor.fill_(1);
      continue;
    }
    RandomStream stream(seed, "init." + name);
    const double std = std::pow(static_cast<double>(tensor.size(-1)), -0.5);
    at::Tensor drawn = at::empty(tensor.sizes(), at::kFloat);
    float* p = drawn.mutable_data_ptr<float>();
    for (int64_t i = 0; i < drawn.numel(); ++i) p[i] = static_cast<float>(std * truncated_normal(stream));
    tensor.copy_(drawn);
  }
}

}  // namespace aunet
