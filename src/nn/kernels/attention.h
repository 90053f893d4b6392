// y = x + Wo attention(rotary(Wqkv RMSNorm(x))): the attention half of a block on packed rows, forward and
// backward.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace aunet {

/// Weights of one half block. norm [d]; wqkv [(H + 2 Hkv) D, d]: Wq over Wk over Wv; wo [d, H D].
struct AttentionTensors {
  at::Tensor norm, wqkv, wo;
};

/// Where the rows of one stage lie and how they see each other.
struct AttentionShape {
  int64_t heads = 0, kv_heads = 0, head_dim = 0;
  int64_t window = 0;                             // keys a query sees, itself included
  const std::vector<int32_t>* cu_rows = nullptr;  // [B+1] on the host
  at::Tensor cu_rows_device;                      // [B+1] int32
  at::Tensor positions;                           // [R] int32, row index inside its sequence
  at::Tensor rotary;  // [P, 2, D] table of nn/rotary.h, fp64 for fp64 x, else fp32; P > every position
};

struct AttentionSaved {
  at::Tensor x;                  // [R, d]
  at::Tensor rstd;               // [R]
  at::Tensor qkv;                // [R, (H + 2 Hkv) D], queries and keys rotated, queries times D^-0.5
  at::Tensor out;                // [R, H D], heads' outputs before Wo
  at::Tensor lse;                // [H, R] log-sum-exp of the scores: backward recomputes them from it
  at::Tensor rng_state, unused;  // flash attention only: what its backward asks back
};

/// [R, d]. `saved` may be null. Exact softmax over keys i-window+1 .. i of the same sequence; rotary on
/// adjacent pairs. Source: paper.md 1.1 and 1.2
at::Tensor attention(const at::Tensor& x, const AttentionTensors& w, const AttentionShape& shape, double eps,
                     AttentionSaved* saved);

/// dx [R, d]; adds the weights' gradients to `grads`. Takes dy: its buffer becomes dx when nobody else holds
/// it.
at::Tensor attention_backward(at::Tensor dy, const AttentionSaved& saved, const AttentionTensors& w,
                              const AttentionShape& shape, const AttentionTensors& grads);

/// Where the next rows of some sequences of a cache lie; row i of x continues sequence[i], no sequence twice.
struct CachedRows {
  std::vector<int64_t> sequence;  // [R] which one of the cache
  std::vector<int64_t> filled;    // [R] rows of it in the cache: the new one is written behind them
};

/// The next row of each of R sequences, [R, d]: as attention() gives it after all rows before it, but for the
/// order of sums. `cache` [B, C, 2 Hkv D]: rotated keys, then values, of the last rows of B sequences; the
/// new row's are written into it. Of `shape` it reads heads, window, rotary and positions (in the whole
/// sequence); window 0: all cached rows. No gradient.
at::Tensor attention_step(const at::Tensor& x, const AttentionTensors& w, const AttentionShape& shape,
                          double eps, const CachedRows& rows, at::Tensor& cache);

}  // namespace aunet
