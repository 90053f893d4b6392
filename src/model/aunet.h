// AU-Net on packed stages: encoders contract bytes to units, a trunk works on the deepest stage, decoders
// expand.
#pragma once

#include "config/model_config.h"
#include "model/heads.h"
#include "model/language_model.h"
#include "model/transition.h"
#include "nn/block.h"

#include <optional>

namespace aunet {

/// x_1 = Emb(bytes); r_k = Enc_k(x_k); x_{k+1} = pool_k(r_k); h_K = Trunk(x_K); h_k = Dec_k(r_k +
/// upsample_k(h_{k+1})); logits = W_vocab RMSNorm(h_1). With lambda_level > 0 also level_logits[t] = W_level
/// RMSNorm([h_1[t]; Emb(target[t])]). Source: arXiv 2506.14761 section 2; paper.md 1.1; golden/README.md for
/// the level head
class AUNet : public LanguageModel {
 public:
  AUNet(const AunetConfig& config, uint64_t init_seed);
  LossSums loss(const DeviceBatch& batch) override;
  at::Tensor logits(const DeviceBatch& batch) override;
  at::Tensor target_nats(const DeviceBatch& batch) override;
  double lambda_level() const override { return config_.lambda_level; }

 private:
  /// [R_1, d_1] output of the last decoder.
  at::Tensor hidden(const DeviceBatch& batch) const;

  AunetConfig config_;
  std::optional<Embedding> embedding_;
  std::vector<Stack> encoders_, decoders_, trunk_;  // one trunk
  std::vector<StageTransition> transitions_;
  std::optional<Head> head_, level_head_;
};

}  // namespace aunet
