// The baseline: a Llama-style transformer on BPE tokens or bytes.
#pragma once

#include "config/model_config.h"
#include "model/heads.h"
#include "model/language_model.h"
#include "nn/block.h"

#include <optional>

namespace aunet {

/// Embedding, pre-norm blocks (RMSNorm, rotary, grouped queries, SwiGLU, no biases), final norm, head (tied
/// if asked). Source: lingua apps/main; golden/llama_*.safetensors
class Transformer : public LanguageModel {
 public:
  Transformer(const TransformerConfig& config, std::optional<uint64_t> init_seed);
  LossSums loss(const DeviceBatch& batch) override;
  at::Tensor logits(const DeviceBatch& batch) override;
  at::Tensor target_nats(const DeviceBatch& batch) override;
  std::unique_ptr<Decoder> decoder(int64_t n_sequences) const override;

 private:
  friend class TransformerDecoder;
  at::Tensor hidden(const DeviceBatch& batch, StackCache* cache = nullptr) const;
  TransformerConfig config_;
  std::optional<Embedding> embedding_;
  std::optional<Stack> stack_;
  std::optional<Head> head_;
};

}  // namespace aunet
