// AU-Net on packed stages: encoders contract bytes to units, a trunk works on the deepest stage, decoders
// expand.
#pragma once

#include "config/model_config.h"
#include "model/heads.h"
#include "model/language_model.h"
#include "model/transition.h"
#include "model/unit_head.h"
#include "nn/block.h"

#include <optional>

namespace aunet {

/// x_1 = Emb(bytes); r_k = Enc_k(x_k); x_{k+1} = pool_k(r_k); h_K = Trunk(x_K); h_k = Dec_k(r_k +
/// upsample_k(h_{k+1})); logits = W_vocab RMSNorm(h_1). With lambda_level > 0 also level_logits[t] = W_level
/// RMSNorm([h_1[t]; Emb(target[t])]). W_vocab is Emb's table with weight_tying. With lambda_units the deeper
/// stages have heads of their own (model/unit_head.h).
/// Source: arXiv 2506.14761 section 2; paper.md 1.1; golden/README.md for the level head
class AUNet : public LanguageModel {
 public:
  AUNet(const AunetConfig& config, std::optional<uint64_t> init_seed);
  LossSums loss(const DeviceBatch& batch) override;
  at::Tensor logits(const DeviceBatch& batch) override;
  at::Tensor target_nats(const DeviceBatch& batch) override;
  double lambda_level() const override { return config_.lambda_level; }
  double lambda_unit(size_t stage) const override { return unit_weight(config_, stage); }
  std::unique_ptr<Decoder> decoder(int64_t n_sequences) const override;

 private:
  friend class AUNetDecoder;
  /// What a forward leaves for a decoder to go on from.
  struct Caches {
    std::vector<StackCache> encoders, decoders, trunk;
    std::vector<at::Tensor> encoded, stages;  // [K-1] [R_k, d_k] of the encoders; [K] as `stages` below
  };
  /// [R_1, d_1] output of the last decoder; `stages` receives every stage's [R_k, d_k], the deepest from the
  /// trunk. With `caches` (no gradient) they are filled.
  at::Tensor hidden(const DeviceBatch& batch, std::vector<at::Tensor>* stages = nullptr,
                    Caches* caches = nullptr) const;

  AunetConfig config_;
  std::optional<Embedding> embedding_;
  std::vector<Stack> encoders_, decoders_, trunk_;  // one trunk
  std::vector<StageTransition> transitions_;
  std::optional<Head> head_, level_head_;
  std::vector<std::optional<UnitHead>> unit_heads_;  // [K] or empty
};

}  // namespace aunet
