#include "model/aunet.h"

#include "core/error.h"

#include <ATen/ATen.h>

#include <fmt/format.h>

namespace aunet {

namespace {

StackConfig stack_config(const AunetConfig& c, size_t stage) {
  StackConfig s;
  s.dim = c.dimensions[stage];
  s.n_layers = c.layers[stage];
  s.head_dim = c.head_dims[stage];
  s.kv_heads = kv_heads_of(c, stage);
  s.hidden = ffn_hidden(s.dim, c.multiple_of);
  s.window = c.sliding_windows[stage];
  s.rope_theta = c.rope_theta;
  s.norm_eps = c.norm_eps;
  return s;
}

StackRows rows_of(const DeviceBatch& batch, size_t stage) {
  return {&batch.cu_rows[stage], batch.cu_rows_device[stage], batch.positions[stage]};
}

}  // namespace

AUNet::AUNet(const AunetConfig& config, std::optional<uint64_t> init_seed) : config_(config) {
  const size_t n = config.dimensions.size();
  const int64_t d = config.dimensions[0];
  embedding_.emplace("tok_embeddings.weight", config.vocab_size, d, store_);
  for (size_t k = 0; k + 1 < n; ++k)
    encoders_.emplace_back(stack_config(config, k), fmt::format("encoders.{}.layers", k), store_);
  trunk_.emplace_back(stack_config(config, n - 1), "trunk.layers", store_);
  for (size_t k = 0; k + 1 < n; ++k)
    decoders_.emplace_back(stack_config(config, k), fmt::format("decoders.{}.layers", k), store_);
  for (size_t k = 0; k + 1 < n; ++k) transitions_.emplace_back(config, static_cast<int64_t>(k), store_);
  Parameter& norm = store_.add("vocab_norm.weight", {d});
  Parameter& out =
      config.weight_tying ? embedding_->table() : store_.add("vocab.weight", {config.vocab_size, d});
  head_.emplace(norm, out, config.norm_eps);
  if (config.lambda_level > 0) {
    Parameter& level_norm = store_.add("level_mask_norm.weight", {2 * d});
    level_head_.emplace(level_norm, store_.add("level_mask.weight", {static_cast<int64_t>(n), 2 * d}),
                        config.norm_eps);
  }
  if (!config.lambda_units.empty()) unit_heads_.resize(n);
  for (size_t k = 0; k < unit_heads_.size(); ++k)
    if (unit_weight(config, k) > 0) unit_heads_[k].emplace(config, k, store_);
  finish(init_seed);
}

at::Tensor AUNet::hidden(const DeviceBatch& batch, std::vector<at::Tensor>* stages, Caches* caches) const {
  require(batch.cu_rows.size() == config_.dimensions.size(),
          fmt::format("aunet: a batch of {} stages for a model of {}", batch.cu_rows.size(),
                      config_.dimensions.size()));
  at::Tensor x = embedding_->forward(batch.inputs, compute_type());
  std::vector<at::Tensor> skips(transitions_.size());
  for (size_t k = 0; k < transitions_.size(); ++k) {
    x = encoders_[k].forward(x, rows_of(batch, k), caches ? &caches->encoders[k] : nullptr);
    x = transitions_[k].down(x, batch.transitions[k], skips[k]);
  }
  if (caches) caches->encoded = skips;
  x = trunk_[0].forward(x, rows_of(batch, transitions_.size()), caches ? &caches->trunk[0] : nullptr);
  if (stages) stages->assign(1, x);
  for (size_t k = transitions_.size(); k-- > 0;) {
    x = transitions_[k].up(x, has_residual(config_, k) ? skips[k] : at::Tensor(), batch.transitions[k]);
    x = decoders_[k].forward(x, rows_of(batch, k), caches ? &caches->decoders[k] : nullptr);
    if (stages) stages->insert(stages->begin(), x);
  }
  return x;
}

LossSums AUNet::loss(const DeviceBatch& batch) {
  std::vector<at::Tensor> stages;
  const at::Tensor h = hidden(batch, unit_heads_.empty() ? nullptr : &stages);
  LossSums sums;
  sums.nats = head_->nats_sum(h, batch.targets);
  if (level_head_) {
    const at::Tensor with_target = at::cat({h, embedding_->forward(batch.targets, compute_type())}, 1);
    sums.level_nats = level_head_->nats_sum(with_target, batch.target_levels);
  }
  sums.unit_nats.resize(unit_heads_.size());
  for (size_t k = 0; k < unit_heads_.size(); ++k)
    if (unit_heads_[k]) sums.unit_nats[k] = unit_heads_[k]->nats_sum(stages[k], batch.unit_targets[k]);
  return sums;
}

at::Tensor AUNet::logits(const DeviceBatch& batch) {
  const at::NoGradGuard no_grad;
  return head_->logits(hidden(batch));
}

at::Tensor AUNet::target_nats(const DeviceBatch& batch) {
  const at::NoGradGuard no_grad;
  return head_->nats(hidden(batch), batch.targets);
}

}  // namespace aunet
