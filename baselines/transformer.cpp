#include "baselines/transformer.h"

#include <ATen/ATen.h>

namespace aunet {

Transformer::Transformer(const TransformerConfig& config, std::optional<uint64_t> init_seed)
    : config_(config) {
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

at::Tensor Transformer::hidden(const DeviceBatch& batch, StackCache* cache) const {
  const at::Tensor x = embedding_->forward(batch.inputs, compute_type());
  return stack_->forward(x, {&batch.cu_rows[0], batch.cu_rows_device[0], batch.positions[0]}, cache);
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

class TransformerDecoder final : public Decoder {
 public:
  TransformerDecoder(const Transformer& model, int64_t n_sequences)
      : model_(model),
        cache_(model.stack_->config(), n_sequences,
               model.store().values().options().dtype(model.compute_type())) {}

  at::Tensor prefill(const std::vector<Prefix>& prefixes) override {
    const at::NoGradGuard no_grad;
    const at::Device device = model_.store().values().device();
    const DeviceBatch batch = to_device(pack_prefixes(prefixes, model_.config_), device);
    rows_stepped_.assign(1, 0);
    const at::Tensor h = model_.hidden(batch, &cache_);
    return model_.head_->logits(h.index_select(0, last_rows(batch.cu_rows[0], device)));
  }

  at::Tensor step(const std::vector<NextId>& next) override {
    const at::NoGradGuard no_grad;
    std::vector<int64_t> sequences, ids;
    for (const NextId& n : next) sequences.push_back(n.sequence), ids.push_back(n.id);
    rows_stepped_[0] += static_cast<int64_t>(next.size());
    const at::Tensor rows = at::tensor(ids, at::kLong).to(model_.store().values().device());
    const at::Tensor x = model_.embedding_->forward(rows, model_.compute_type());
    return model_.head_->logits(model_.stack_->step(x, sequences, cache_));
  }

 private:
  const Transformer& model_;
  StackCache cache_;
};

std::unique_ptr<Decoder> Transformer::decoder(int64_t n_sequences) const {
  return std::make_unique<TransformerDecoder>(*this, n_sequences);
}

}  // namespace aunet
