// y = x + W2 (silu(W1 n) * W3 n), n = RMSNorm(x): the feed-forward half of a block, forward and backward.
#pragma once

#include <ATen/core/Tensor.h>

namespace aunet {

/// Weights of one half block. norm [d]; w13 [2f, d]: W1 over W3; w2 [d, f].
struct FeedForwardTensors {
  at::Tensor norm, w13, w2;
};

/// What backward needs. Gates cost 8f bytes a row and save a third of the forward products.
struct FeedForwardSaved {
  at::Tensor x;      // [R, d]
  at::Tensor rstd;   // [R]
  at::Tensor gates;  // [R, 2f]: W1 n, W3 n
};

/// [R, d]. `saved` may be null (no gradient wanted). x contiguous; weights in x's type on CPU, any float type
/// on CUDA. Source: arXiv 2506.14761 section 2, paper.md 1.1 (SwiGLU, no biases)
at::Tensor feed_forward(const at::Tensor& x, const FeedForwardTensors& w, double eps,
                        FeedForwardSaved* saved);

/// dx [R, d]; adds the weights' gradients to `grads`. Takes dy: its buffer becomes dx when nobody else holds
/// it.
at::Tensor feed_forward_backward(at::Tensor dy, const FeedForwardSaved& saved, const FeedForwardTensors& w,
                                 const FeedForwardTensors& grads);

}  // namespace aunet
