#include "nn/rotary.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <tuple>

namespace aunet {

namespace {

at::Tensor compute(int64_t head_dim, double theta, int64_t positions, const at::TensorOptions& options) {
  const at::Tensor frequency =
      at::pow(theta, at::arange(0, head_dim, 2, at::kFloat).div(static_cast<double>(head_dim))).reciprocal();
  const at::Tensor angle = at::outer(at::arange(positions, at::kFloat), frequency);
  const at::Tensor cosine = angle.cos(), sine = angle.sin();
  return at::stack({at::stack({cosine, cosine}, 2).flatten(1), at::stack({-sine, sine}, 2).flatten(1)}, 1)
      .to(options);
}

}  // namespace

at::Tensor rotary_table(int64_t head_dim, double theta, int64_t positions, const at::TensorOptions& options) {
  using Key = std::tuple<int64_t, double, std::string>;
  static std::mutex mutex;
  static std::map<Key, at::Tensor> tables;
  const std::lock_guard<std::mutex> lock(mutex);
  const Key key{head_dim, theta,
                options.device().str() + toString(c10::typeMetaToScalarType(options.dtype()))};
  at::Tensor& table = tables[key];
  if (!table.defined() || table.size(0) < positions) {
    const at::NoGradGuard no_grad;
    table = compute(head_dim, theta, std::max<int64_t>(positions, 512) * 3 / 2, options);
  }
  return table;
}

}  // namespace aunet
