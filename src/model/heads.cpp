#include "model/heads.h"

#include "nn/kernels/head.h"
#include "nn/node.h"

#include <ATen/ATen.h>

namespace aunet {

namespace {

at::ScalarType result_type(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

}  // namespace

Embedding::Embedding(const std::string& name, int64_t vocabulary, int64_t dim, ParameterStore& store)
    : table_(&store.add(name, {vocabulary, dim})) {}

at::Tensor Embedding::forward(const at::Tensor& ids, at::ScalarType type) const {
  at::Tensor x = embed(table_->value.detach(), ids).to(type);
  if (wants_gradient({table_->value}))
    tie({x}, {table_->value},
        [ids, grad = table_->grad](std::vector<at::Tensor> dx) -> std::vector<at::Tensor> {
          embed_backward(dx[0], ids, grad);
          return {at::Tensor()};
        });
  return x;
}

at::Tensor Head::nats_sum(const at::Tensor& x, const at::Tensor& targets) const {
  const HeadTensors w{norm_->value.detach(), out_->value.detach()};
  const bool differentiable = wants_gradient({x});
  HeadSaved saved;
  at::Tensor total;
  {
    const at::NoGradGuard no_grad;
    const at::Tensor nats = head_nats(x.detach(), targets, w, eps_, differentiable ? &saved : nullptr);
    total = at::sum(nats, at::kDouble).to(result_type(x));
  }
  if (differentiable)
    tie({total}, {x},
        [saved, grads = HeadTensors{norm_->grad, out_->grad}](std::vector<at::Tensor> scale)
            -> std::vector<at::Tensor> { return {head_backward(scale[0], saved, grads)}; });
  return total;
}

at::Tensor Head::nats(const at::Tensor& x, const at::Tensor& targets) const {
  const at::NoGradGuard no_grad;
  return head_nats(x.detach(), targets, {norm_->value.detach(), out_->value.detach()}, eps_, nullptr)
      .to(result_type(x));
}

at::Tensor Head::logits(const at::Tensor& x) const {
  const at::NoGradGuard no_grad;
  return head_logits(x.detach(), {norm_->value.detach(), out_->value.detach()}, eps_).to(result_type(x));
}

}  // namespace aunet
