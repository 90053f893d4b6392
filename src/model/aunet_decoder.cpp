#include "model/aunet_decoder.h"

#include "core/error.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

namespace aunet {

namespace {

/// Whether only kept rows receive anything from above.
bool reaches_kept_rows_only(const AunetConfig& config) {
  const Upsampling upsampling = upsampling_of(config);
  return upsampling == Upsampling::Scatter || upsampling == Upsampling::None;
}

}  // namespace

AUNetDecoder::AUNetDecoder(const AUNet& model, int64_t n_sequences) : model_(model) {
  const at::TensorOptions options = model.store().values().options().dtype(model.compute_type());
  const auto add = [&](const std::vector<Stack>& stacks, std::vector<StackCache>& caches) {
    for (const Stack& stack : stacks) caches.emplace_back(stack.config(), n_sequences, options);
  };
  add(model.encoders_, caches_.encoders);
  add(model.decoders_, caches_.decoders);
  add(model.trunk_, caches_.trunk);
  const size_t n = model.transitions_.size();
  held_.resize(n);
  offset_.assign(n, std::vector<int32_t>(static_cast<size_t>(n_sequences)));
  open_.assign(n, std::vector<std::vector<at::Tensor>>(static_cast<size_t>(n_sequences)));
}

std::unique_ptr<Decoder> AUNet::decoder(int64_t n_sequences) const {
  return std::make_unique<AUNetDecoder>(*this, n_sequences);
}

const Stack& AUNetDecoder::stack(size_t stage) const {
  return stage < model_.encoders_.size() ? model_.encoders_[stage] : model_.trunk_[0];
}

StackCache& AUNetDecoder::cache(size_t stage) {
  return stage < caches_.encoders.size() ? caches_.encoders[stage] : caches_.trunk[0];
}

at::Tensor AUNetDecoder::on_device(const std::vector<int64_t>& values) const {
  return at::tensor(values, at::kLong).to(model_.store().values().device());
}

at::Tensor AUNetDecoder::prefill(const std::vector<Prefix>& prefixes) {
  const at::NoGradGuard no_grad;
  const Batch batch = pack_prefixes(prefixes, model_.config_);
  const at::Device device = model_.store().values().device();
  const at::Tensor h = model_.hidden(to_device(batch, device), &caches_.stages, &caches_);
  for (size_t k = 0; k < held_.size(); ++k) {
    held_[k] = caches_.stages[k + 1].index_select(0, last_rows(batch.cu_rows[k + 1], device));
    for (size_t b = 0; b < prefixes.size(); ++b) {
      const int32_t last = batch.cu_rows[k][b + 1] - 1;
      offset_[k][b] = (batch.transitions[k].offset[static_cast<size_t>(last)] + 1) % kOffsets;
      open_[k][b].clear();
      const int32_t kept = batch.transitions[k].kept[static_cast<size_t>(batch.cu_rows[k + 1][b + 1] - 1)];
      if (pools_whole_units(model_.config_) && kept < last)
        open_[k][b].push_back(caches_.encoded[k].narrow(0, kept + 1, last - kept).clone());
    }
  }
  caches_.stages.clear();
  caches_.encoded.clear();
  rows_stepped_.assign(held_.size() + 1, 0);
  return model_.head_->logits(h.index_select(0, last_rows(batch.cu_rows[0], device)));
}

at::Tensor AUNetDecoder::step(const std::vector<NextId>& next) {
  const at::NoGradGuard no_grad;
  std::vector<Rows> stages(1);
  std::vector<int64_t> ids;
  for (const NextId& n : next) {
    stages[0].sequences.push_back(n.sequence);
    stages[0].levels.push_back(n.level);
    ids.push_back(n.id);
  }
  at::Tensor x = model_.embedding_->forward(on_device(ids), model_.compute_type());
  for (size_t k = 0;; ++k) {
    encode(k, x, stages[k]);
    if (stages[k].woken.empty()) break;
    x = pool(k, stages[k]);
    Rows& above = stages.emplace_back();
    for (const int64_t row : stages[k].woken) {
      above.sequences.push_back(stages[k].sequences[static_cast<size_t>(row)]);
      above.levels.push_back(stages[k].levels[static_cast<size_t>(row)]);
    }
  }
  at::Tensor h;
  for (size_t k = stages.size(); k-- > 0;) {
    const Rows& rows = stages[k];
    rows_stepped_[k] += static_cast<int64_t>(rows.sequences.size());
    h = k < held_.size() ? model_.decoders_[k].step(upsample(k, rows), rows.sequences, caches_.decoders[k])
                         : rows.encoded;
    if (k > 0) held_[k - 1].index_copy_(0, on_device(rows.sequences), h);
  }
  return model_.head_->logits(h);
}

void AUNetDecoder::encode(size_t k, const at::Tensor& x, Rows& rows) {
  rows.encoded = stack(k).step(x, rows.sequences, cache(k));
  if (k == held_.size()) return;
  const std::vector<int64_t>& caps = model_.config_.max_seqlens;
  const int64_t cap = caps.empty() ? -1 : caps[k + 1];
  const bool whole_units = pools_whole_units(model_.config_);
  for (size_t i = 0; i < rows.sequences.size(); ++i) {
    const int64_t sequence = rows.sequences[i], row = static_cast<int64_t>(i);
    if (cap >= 0 && cache(k + 1).rows_seen(sequence) >= cap) continue;  // this unit will never close
    if (whole_units) open_[k][static_cast<size_t>(sequence)].push_back(rows.encoded.narrow(0, row, 1));
    if (rows.levels[i] > static_cast<int64_t>(k)) rows.woken.push_back(row);
  }
}

at::Tensor AUNetDecoder::pool(size_t k, const Rows& rows) {
  if (pools_whole_units(model_.config_)) return pool_units(k, rows);
  DeviceTransition tables;
  tables.kept = on_device(rows.woken);
  at::Tensor skip;
  return model_.transitions_[k].down(rows.encoded, tables, skip);
}

at::Tensor AUNetDecoder::pool_units(size_t k, const Rows& rows) {
  std::vector<at::Tensor> parts;
  std::vector<int64_t> kept, unit, sizes;
  for (const int64_t row : rows.woken) {
    std::vector<at::Tensor>& open = open_[k][static_cast<size_t>(rows.sequences[static_cast<size_t>(row)])];
    int64_t size = 0;
    for (const at::Tensor& part : open) size += part.size(0);
    unit.insert(unit.end(), static_cast<size_t>(size), static_cast<int64_t>(kept.size()));
    kept.push_back(static_cast<int64_t>(unit.size()) - 1);
    sizes.push_back(size);
    parts.insert(parts.end(), open.begin(), open.end());
    open.clear();
  }
  std::vector<int64_t> every(unit.size());
  std::iota(every.begin(), every.end(), 0);
  DeviceTransition tables;
  tables.kept = on_device(kept);
  tables.pooled = on_device(every);
  tables.pooled_unit = on_device(unit);
  tables.unit_rows = on_device(sizes);
  at::Tensor skip;
  return model_.transitions_[k].down(at::cat(parts), tables, skip);
}

at::Tensor AUNetDecoder::upsample(size_t k, const Rows& rows) {
  const auto n = static_cast<int64_t>(rows.sequences.size());
  for (const int64_t row : rows.woken)
    offset_[k][static_cast<size_t>(rows.sequences[static_cast<size_t>(row)])] = 0;
  std::vector<int64_t> unit(static_cast<size_t>(n)), kept, order(static_cast<size_t>(n)), from;
  std::iota(unit.begin(), unit.end(), 0);
  order = unit;
  std::vector<int32_t> offsets;
  DeviceTransition tables;
  for (int64_t i = 0; i < n; ++i) {
    int32_t& next = offset_[k][static_cast<size_t>(rows.sequences[static_cast<size_t>(i)])];
    offsets.push_back(next);
    ++tables.group[static_cast<size_t>(next) + 1];
    next = (next + 1) % kOffsets;
  }
  std::partial_sum(tables.group.begin(), tables.group.end(), tables.group.begin());
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return offsets[static_cast<size_t>(a)] < offsets[static_cast<size_t>(b)];
  });
  if (reaches_kept_rows_only(model_.config_)) {
    kept = rows.woken;
    for (const int64_t row : rows.woken) from.push_back(rows.sequences[static_cast<size_t>(row)]);
  } else {
    // Each row has a unit of its own, which began `offset` rows before it.
    for (int64_t i = 0; i < n; ++i) kept.push_back(i - offsets[static_cast<size_t>(i)]);
    from = rows.sequences;
  }
  tables.kept = on_device(kept);
  tables.unit = on_device(unit);
  tables.order = on_device(order);
  const at::Tensor skip = has_residual(model_.config_, k) ? rows.encoded : at::Tensor();
  return model_.transitions_[k].up(held_[k].index_select(0, on_device(from)), skip, tables).contiguous();
}

}  // namespace aunet
