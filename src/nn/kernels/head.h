// Token embedding, and the vocabulary head with its loss: RMSNorm, linear, cross-entropy without the [R, V]
// logits.
#pragma once

#include <ATen/core/Tensor.h>

namespace aunet {

/// [R, d] = table[ids]. Ids must lie in the table: checked on a CPU.
at::Tensor embed(const at::Tensor& table, const at::Tensor& ids);
/// table_grad[ids] += dy, in the order of rows.
void embed_backward(const at::Tensor& dy, const at::Tensor& ids, const at::Tensor& table_grad);

/// norm [d]; out [V, d].
struct HeadTensors {
  at::Tensor norm, out;
};

/// Gradients of the loss sum, computed in the forward pass while a block's logits are at hand, so that the
/// logits are neither kept nor computed again. backward scales them by the incoming gradient.
struct HeadSaved {
  at::Tensor dx;      // [R, d]
  at::Tensor d_norm;  // [d]
  at::Tensor d_out;   // [V, d]
};

/// [R] nats of each target: logsumexp(l) - l[target], l = out RMSNorm(x). `saved` may be null.
at::Tensor head_nats(const at::Tensor& x, const at::Tensor& targets, const HeadTensors& w, double eps,
                     HeadSaved* saved);
/// scale: 0-d. dx = scale * saved.dx (in its buffer); adds scale times the weights' gradients to `grads`.
at::Tensor head_backward(const at::Tensor& scale, const HeadSaved& saved, const HeadTensors& grads);
/// [R, V] logits.
at::Tensor head_logits(const at::Tensor& x, const HeadTensors& w, double eps);

}  // namespace aunet
