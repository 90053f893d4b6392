// Cascaded generation with an AU-Net: a byte runs only the stages that its level wakes.
#pragma once

#include "model/aunet.h"

namespace aunet {

/// Per stage and sequence: keys and values of the encoder and the decoder, the stage's last output (which the
/// finer stage upsamples until the next wake), the place of the next row in its unit, and the rows of the
/// open unit where pooling looks at whole units. The residual needs no memory: a row goes down and comes back
/// up in the step that computes it. A row that a cap of max_seqlens cuts wakes nobody, as in pack(). Source:
/// paper.md section 6. Unlike the released generator: the final norm is applied, a window is exactly its
/// keys, and only the new byte's level is asked for.
class AUNetDecoder final : public Decoder {
 public:
  AUNetDecoder(const AUNet& model, int64_t n_sequences);
  at::Tensor prefill(const std::vector<Prefix>& prefixes) override;
  at::Tensor step(const std::vector<NextId>& next) override;

 private:
  /// The rows of one stage in a step.
  struct Rows {
    std::vector<int64_t> sequences, levels;
    std::vector<int64_t> woken;  // those of them that the next stage keeps
    at::Tensor encoded;          // [n, d_k]
  };
  const Stack& stack(size_t stage) const;
  StackCache& cache(size_t stage);
  /// Runs stage k's encoder and finds who wakes the next.
  void encode(size_t k, const at::Tensor& x, Rows& rows);
  /// [woken, d_{k+1}]
  at::Tensor pool(size_t k, const Rows& rows);
  at::Tensor pool_units(size_t k, const Rows& rows);
  /// [n, d_k] input of stage k's decoder.
  at::Tensor upsample(size_t k, const Rows& rows);
  at::Tensor on_device(const std::vector<int64_t>& values) const;

  const AUNet& model_;
  AUNet::Caches caches_;
  std::vector<at::Tensor> held_;                            // [K-1] [B, d_{k+1}]
  std::vector<std::vector<int32_t>> offset_;                // [K-1][B] of the next row, mod kOffsets
  std::vector<std::vector<std::vector<at::Tensor>>> open_;  // [K-1][B] rows [n, d_k] since the last kept one
};

}  // namespace aunet
