#include "baselines/transformer.h"

#include <ATen/ATen.h>

namespace aunet {

Transformer::Transformer(const TransformerConfig& config, uint64_t init_seed) : config_(config) {
  embedding_.emplace("tok_embeddings.weight", config.vocab_size, config.dim, store_);
  StackConfig s;
  s.dim = config.dim;
  s.n_layers = config.n_layers;
  s.head_dim = config.head_dim;
  s.kv_heads = config.n_kv_heads;
  s.hidden = ffn_hidden(config.dim, config.multiple_of);
  s.window = config.sliding_window;
  s.rope_theta = config.rope_theta;
  s.norm_eps = config.norm_eps;
  stack_.emplace(s, "layers", store_);
  Parameter& norm = store_.add("norm.weight", {config.dim});
  Parameter& out = config.weight_tying ? embedding_->table()
                                       : store_.add("output.weight", {config.vocab_size, config.dim});
  head_.emplace(norm, out, config.norm_eps);
  finish(init_seed);
}

at::Tensor Transformer::hidden(const DeviceBatch& batch) const {
  const at::Tensor x = embedding_->forward(batch.inputs, compute_type());
  return stack_->forward(x, {&batch.cu_rows[0], batch.cu_rows_device[0], batch.positions[0]});
}

LossSums Transformer::loss(const DeviceBatch& batch) {
  LossSums sums;
  sums.nats = head_->nats_sum(hidden(batch), batch.targets);
  return sums;
}

at::Tensor Transformer::logits(const DeviceBatch& batch) {
  const at::NoGradGuard no_grad;
  return head_->logits(hidden(batch));
}

at::Tensor Transformer::target_nats(const DeviceBatch& batch) {
  const at::NoGradGuard no_grad;
  return head_->nats(hidden(batch), batch.targets);
}

}  // namespace aunet
