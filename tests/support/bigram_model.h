// The smallest language model: logits of a row are one table row. Tests of the loop and of the evaluators use
// it because its loss can be worked out by hand, and variants of it break causality in known ways.
#pragma once

#include "model/language_model.h"

#include <ATen/ATen.h>

namespace aunet {

class BigramModel : public LanguageModel {
 public:
  explicit BigramModel(int64_t vocab) {
    table_ = register_parameter("table", at::zeros({vocab, vocab}));
    table_.mutable_grad() = at::zeros({vocab, vocab});
  }

  LossSums loss(const DeviceBatch& batch) override {
    return {at::cross_entropy_loss(logits(batch), batch.targets, {}, at::Reduction::Sum), {}, {}};
  }
  at::Tensor target_nats(const DeviceBatch& batch) override {
    at::NoGradGuard no_grad;
    return at::cross_entropy_loss(logits(batch), batch.targets, {}, at::Reduction::None);
  }
  at::Tensor logits(const DeviceBatch& batch) override { return table_.index_select(0, batch.inputs); }
  std::vector<std::pair<std::string, at::Tensor>> official_parameters() override {
    return {{"table", table_.detach()}};
  }
  std::vector<std::pair<std::string, at::Tensor>> official_gradients() override {
    return {{"table", table_.grad()}};
  }

  /// Deterministic weights of order 1.
  void randomize(uint64_t seed) {
    at::NoGradGuard no_grad;
    at::manual_seed(seed);
    table_.normal_();
  }
  at::Tensor& table() { return table_; }

 protected:
  at::Tensor table_;  // [V, V] logits of the next id
};

}  // namespace aunet
