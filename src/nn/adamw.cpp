#include "nn/adamw.h"

#include "core/error.h"
#include "nn/kernels/cpu/team.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace aunet {

namespace {

constexpr int64_t kBlock = 1 << 14;  // values a member takes at once; also the unit of the norm's sum

/// The whole storage that all of `tensors` are views of.
at::Tensor whole_storage(const std::vector<at::Tensor>& tensors) {
  for (const at::Tensor& t : tensors)
    require(t.defined() && t.is_alias_of(tensors[0]),
            "adamw: parameters and gradients must be views of flat buffers");
  const int64_t n = static_cast<int64_t>(tensors[0].storage().nbytes() / tensors[0].element_size());
  return at::empty({0}, tensors[0].options().requires_grad(false)).set_(tensors[0].storage(), 0, {n}, {1});
}

/// body(first, count) over [0, n) in blocks of fixed size, shared among threads.
template <class Body>
void over_blocks(int64_t n, const Body& body) {
  const int64_t blocks = (n + kBlock - 1) / kBlock;
  const int64_t team = std::clamp<int64_t>(blocks / 4, 1, at::get_num_threads());
  run_team(team, [&](int64_t t) {
    for (int64_t b = blocks * t / team; b < blocks * (t + 1) / team; ++b)
      body(b, b * kBlock, std::min(kBlock, n - b * kBlock));
  });
}

double flat_norm(const at::Tensor& flat) {
  if (!flat.is_cpu()) return flat.norm().item<double>();
  const float* p = flat.const_data_ptr<float>();
  std::vector<double> squares(static_cast<size_t>((flat.numel() + kBlock - 1) / kBlock));
  over_blocks(flat.numel(), [&](int64_t block, int64_t first, int64_t n) {
    squares[static_cast<size_t>(block)] = row_kernels<float>().sum_squares(n, p + first);
  });
  double sum = 0;
  for (const double s : squares) sum += s;
  return std::sqrt(sum);
}

}  // namespace

AdamW::AdamW(const std::vector<at::Tensor>& parameters, const OptimConfig& config) : config_(config) {
  const at::NoGradGuard no_grad;
  require(!parameters.empty(), "adamw: no parameters");
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& p : parameters) gradients.push_back(p.grad());
  values_ = whole_storage(parameters);
  gradients_ = whole_storage(gradients);
  require(values_.numel() == gradients_.numel(), "adamw: parameters and gradients differ in size");
  m_ = at::zeros_like(values_);
  v_ = at::zeros_like(values_);
}

void AdamW::zero_grad() { gradients_.zero_(); }

double AdamW::step(double lr) {
  const at::NoGradGuard no_grad;
  const double length = flat_norm(gradients_);
  if (!std::isfinite(length)) return length;
  ++steps_;
  const double clip = config_.clip > 0 ? std::min(1.0, config_.clip / (length + 1e-6)) : 1.0;
  const double correction1 = 1 - std::pow(config_.beta1, static_cast<double>(steps_));
  const double correction2 = 1 - std::pow(config_.beta2, static_cast<double>(steps_));
  const double decay = 1 - lr * config_.weight_decay, rate = lr / correction1,
               root = 1 / std::sqrt(correction2);
  if (!values_.is_cpu()) {
    m_.mul_(config_.beta1).add_(gradients_, (1 - config_.beta1) * clip);
    v_.mul_(config_.beta2).addcmul_(gradients_, gradients_, (1 - config_.beta2) * clip * clip);
    values_.mul_(decay).addcdiv_(m_, v_.sqrt().mul_(root).add_(config_.eps), -rate);
    return length;
  }
  float *p = values_.mutable_data_ptr<float>(), *m = m_.mutable_data_ptr<float>(),
        *v = v_.mutable_data_ptr<float>();
  const float* g = gradients_.const_data_ptr<float>();
  const auto f = [](double x) { return static_cast<float>(x); };
  over_blocks(values_.numel(), [&](int64_t, int64_t i, int64_t n) {
    row_kernels<float>().adamw(n, p + i, g + i, m + i, v + i, f(clip), f(config_.beta1), f(config_.beta2),
                               f(decay), f(rate), f(root), f(config_.eps));
  });
  return length;
}

}  // namespace aunet
