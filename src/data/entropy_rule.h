// `entropy=PATH@THRESHOLD`: boundaries where the next byte is hard to predict, as in the Byte Latent
// Transformer (arXiv 2412.09871 section 2.3, global threshold), with a byte n-gram model in place of its
// small transformer.
//
// There a patch begins at byte t when H(p(x_t | x_<t)) > THRESHOLD. Here a boundary at t means that the
// deeper stage keeps row t, which has read the bytes up to t and serves the predictions of t+1 and later. So
// it sits on the byte before the hard one: at t when H(p(x_{t+1} | x_<=t)) > THRESHOLD, in bits. Nothing
// after t decides it, and the hard byte is the first that the new row helps to predict. The begin mark is a
// boundary in any case. The n-gram's context begins anew with each segment. Boundaries may cut characters.
#pragma once

#include "data/boundary_rule.h"
#include "data/entropy_model.h"

namespace aunet {

class EntropyRule final : public BoundaryRule {
 public:
  EntropyRule(EntropyModel model, double threshold_bits)
      : model_(std::move(model)), threshold_(threshold_bits) {}
  void start() override { context_ = {}; }
  bool step(uint8_t byte) override { return static_cast<double>(model_.next(context_, byte)) > threshold_; }

 private:
  EntropyModel model_;
  double threshold_;
  EntropyModel::Context context_;
};

}  // namespace aunet
