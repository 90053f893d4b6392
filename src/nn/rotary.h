// Angles of rotary position embedding, computed once per (head_dim, theta) and grown when a sequence is
// longer.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace aunet {

/// [P, 2, head_dim] with P >= positions: cos of angle p * theta^(-2 i / head_dim) at entries 2i and 2i + 1,
/// then its sine, negative at 2i and positive at 2i + 1 (adjacent pairs are rotated). Computed in fp32 from
/// fp32 frequencies. Source: Su et al. 2021; golden/README.md; frequencies as lingua apps/main
/// precompute_freqs_cis
at::Tensor rotary_table(int64_t head_dim, double theta, int64_t positions, const at::TensorOptions& options);

}  // namespace aunet
