// The fused operations of this folder composed from library products and our norm and SwiGLU: any device, any
// float type. CUDA runs these; on a CPU they are the reference that the SIMD kernels are tested against. Each
// has the contract of the function without the suffix. Activations are in x's type, weights may be fp32
// masters, sums and gradients of weights are fp32 (fp64 for fp64).
#pragma once

#include "nn/kernels/attention.h"
#include "nn/kernels/feed_forward.h"
#include "nn/kernels/head.h"
#include "nn/kernels/transition.h"

namespace aunet {

/// True when x is the SIMD kernels' business.
bool has_simd_kernel(const at::Tensor& x);

at::Tensor feed_forward_composed(const at::Tensor& x, const FeedForwardTensors& w, double eps,
                                 FeedForwardSaved* saved);
at::Tensor feed_forward_backward_composed(const at::Tensor& dy, const FeedForwardSaved& saved,
                                          const FeedForwardTensors& w, const FeedForwardTensors& grads);

/// bf16 on CUDA: flash attention with window and cu_rows. Otherwise dense scores, one sequence at a time.
/// saved.qkv: rotated but not scaled; saved.lse [H, R].
at::Tensor attention_composed(const at::Tensor& x, const AttentionTensors& w, const AttentionShape& shape,
                              double eps, AttentionSaved* saved);
at::Tensor attention_backward_composed(const at::Tensor& dy, const AttentionSaved& saved,
                                       const AttentionTensors& w, const AttentionShape& shape,
                                       const AttentionTensors& grads);

/// All rows at once over the longest cached stretch, with a mask.
at::Tensor attention_step_composed(const at::Tensor& x, const AttentionTensors& w,
                                   const AttentionShape& shape, double eps, const CachedRows& rows,
                                   at::Tensor& cache);

at::Tensor pool_composed(const at::Tensor& x, const at::Tensor& kept, const PoolTensors& w, double eps,
                         PoolSaved* saved);
at::Tensor pool_backward_composed(const at::Tensor& dy, const at::Tensor& d_skip, const at::Tensor& kept,
                                  const PoolSaved& saved, const PoolTensors& w, const PoolTensors& grads);

/// One product per offset group, whose sizes the host knows: no synchronisation.
at::Tensor upsample_composed(const at::Tensor& h, const at::Tensor& skip, const TransitionTables& tables,
                             const UpsampleTensors& w, double eps, UpsampleSaved* saved);
at::Tensor upsample_backward_composed(const at::Tensor& dz, const TransitionTables& tables,
                                      const UpsampleSaved& saved, const UpsampleTensors& w,
                                      const UpsampleTensors& grads);

at::Tensor head_nats_composed(const at::Tensor& x, const at::Tensor& targets, const HeadTensors& w,
                              double eps, HeadSaved* saved);
at::Tensor head_logits_composed(const at::Tensor& x, const HeadTensors& w, double eps);

}  // namespace aunet
