// One node of the autograd graph whose backward is a lambda: a coarse operation without the bookkeeping of
// torch::autograd::Function, which would cost small models more than the arithmetic.
#pragma once

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>

#include <functional>
#include <utility>
#include <vector>

namespace aunet {

/// From the outputs' gradients (undefined: zero), which it owns, to the inputs'. Runs at most once.
using Backward = std::function<std::vector<at::Tensor>(std::vector<at::Tensor> grads)>;

/// True when somebody will ask for a gradient of one of `inputs`.
inline bool wants_gradient(const std::vector<at::Tensor>& inputs) {
  return at::GradMode::is_enabled() && torch::autograd::any_variable_requires_grad(inputs);
}

/// Ties `outputs`, computed from `inputs` without a graph, to them. What `backward` captured is freed after
/// its run. Gradients of weights are not edges: backward adds them to the weights' flat buffer itself.
inline void tie(const std::vector<at::Tensor>& outputs, const std::vector<at::Tensor>& inputs,
                Backward backward) {
  struct Node : torch::autograd::Node {
    Backward backward;
    torch::autograd::variable_list apply(torch::autograd::variable_list&& grads) override {
      TORCH_CHECK(backward, "backward ran twice through one graph");
      return std::exchange(backward, nullptr)(std::move(grads));
    }
    void release_variables() override { backward = nullptr; }
    std::string name() const override { return "aunet"; }
  };
  auto node = std::make_shared<Node>();
  node->backward = std::move(backward);
  node->set_next_edges(torch::autograd::collect_next_edges(inputs));
  for (const at::Tensor& output : outputs) torch::autograd::set_history(output, node);
}

}  // namespace aunet
