#include "budget/flops.h"

#include "core/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace aunet {

namespace {

/// One stage of any model, as the counter sees it. A transformer is one stage with no transitions.
struct StageShape {
  double width, hidden, kv_width, blocks;  // hidden: SwiGLU; kv_width: of K and of V
  int64_t window;                          // keys a query sees; 0: all
};

/// Weights that a transition applies to each row of its two stages, and what attention pooling adds.
struct TransitionShape {
  double pool_coarse = 0, pool_fine = 0, upsample_coarse = 0, upsample_fine = 0;
  double attention_width = 0;  // of pooling; one (query, key) pair per fine row
};

struct ModelShape {
  std::vector<StageShape> stages;
  std::vector<TransitionShape> transitions;
  double vocab = 0, level_classes = 0;  // level_classes: K with a level head, else 0
  std::vector<int64_t> unit_reach;      // per stage: bytes that its own head predicts; empty: no heads
  bool unit_bytes = false;              // of one unit, else one of each unit
};

TransitionShape transition_shape(const AunetConfig& m, size_t k) {
  const auto fine = static_cast<double>(m.dimensions[k]), coarse = static_cast<double>(m.dimensions[k + 1]);
  TransitionShape t;
  if (pooling_of(m) != Pooling::None) t.pool_coarse = fine * coarse;
  if (pooling_of(m) == Pooling::CrossAttention) {
    t.pool_coarse += 2 * fine * fine;
    t.pool_fine = 2 * fine * fine;
    t.attention_width = fine;
  }
  const Upsampling up = upsampling_of(m);
  if (up == Upsampling::MultiLinear || up == Upsampling::Repeat) t.upsample_fine = fine * coarse;
  if (up == Upsampling::Scatter || up == Upsampling::Nearest) t.upsample_coarse = fine * coarse;
  if (m.skip == "concat" && has_residual(m, k)) t.upsample_fine += 2 * fine * fine;
  return t;
}

ModelShape shape_of(const AunetConfig& m) {
  const size_t n = m.dimensions.size();
  require(m.layers.size() == n && m.sliding_windows.size() == n,
          "flops: lists of an AU-Net differ in length");
  ModelShape shape;
  for (size_t k = 0; k < n; ++k) {
    const double width = static_cast<double>(m.dimensions[k]);
    const double kv_width =
        m.n_kv_heads.empty() ? width : static_cast<double>(m.n_kv_heads[k] * m.head_dims[k]);
    const int64_t blocks = k + 1 < n ? 2 * m.layers[k] : m.layers[k];
    shape.stages.push_back({width, static_cast<double>(ffn_hidden(m.dimensions[k], m.multiple_of)), kv_width,
                            static_cast<double>(blocks), m.sliding_windows[k]});
    if (k + 1 < n) shape.transitions.push_back(transition_shape(m, k));
    if (!m.lambda_units.empty()) shape.unit_reach.push_back(unit_weight(m, k) > 0 ? m.unit_reach : 0);
  }
  shape.vocab = static_cast<double>(m.vocab_size);
  shape.level_classes = m.lambda_level > 0 ? static_cast<double>(n) : 0;
  shape.unit_bytes = m.unit_targets == "bytes";
  return shape;
}

ModelShape shape_of(const TransformerConfig& m) {
  const int64_t heads = m.dim / m.head_dim;
  const int64_t kv_heads = m.n_kv_heads > 0 ? m.n_kv_heads : heads;
  ModelShape shape;
  shape.stages.push_back({static_cast<double>(m.dim), static_cast<double>(ffn_hidden(m.dim, m.multiple_of)),
                          static_cast<double>(kv_heads * m.head_dim), static_cast<double>(m.n_layers),
                          m.sliding_window});
  shape.vocab = static_cast<double>(m.vocab_size);
  return shape;
}

ModelShape shape_of(const ModelConfig& model) {
  return std::visit([](const auto& m) { return shape_of(m); }, model);
}

Flops zero_flops(size_t n_stages) {
  Flops flops;
  flops.linear.assign(n_stages, 0);
  flops.attention.assign(n_stages, 0);
  return flops;
}

void add_to(std::vector<double>& sum, const std::vector<double>& other) {
  if (sum.size() < other.size()) sum.resize(other.size(), 0);
  for (size_t i = 0; i < other.size(); ++i) sum[i] += other[i];
}

/// Weights of a block's linear maps: QKVO and the three of SwiGLU.
double block_weights(const StageShape& s) {
  return 2 * s.width * s.width + 2 * s.width * s.kv_width + 3 * s.width * s.hidden;
}

Flops paper_flops(const ModelShape& shape, const Workload& work) {
  Flops flops = zero_flops(shape.stages.size());
  for (size_t k = 0; k < shape.stages.size(); ++k) {
    const StageShape& s = shape.stages[k];
    flops.linear[k] = s.blocks * work.rows[k] * 6 * (4 * s.width * s.width + 3 * s.width * s.hidden);
    flops.attention[k] = s.blocks * 12 * s.width * work.paper_pairs[k];
  }
  return flops;
}

/// `attention_passes`: forward passes that attention's forward and backward are worth.
Flops counted_flops(const ModelShape& shape, const Workload& work, double attention_passes) {
  Flops flops = zero_flops(shape.stages.size());
  for (size_t k = 0; k < shape.stages.size(); ++k) {
    const StageShape& s = shape.stages[k];
    flops.linear[k] = s.blocks * work.rows[k] * 3 * 2 * block_weights(s);
    flops.attention[k] = s.blocks * attention_passes * 4 * s.width * work.pairs[k];
  }
  for (size_t k = 0; k < shape.transitions.size(); ++k) {
    const TransitionShape& t = shape.transitions[k];
    flops.pool += 3 * 2 * (t.pool_coarse * work.rows[k + 1] + t.pool_fine * work.rows[k]);
    flops.pool += attention_passes * 4 * t.attention_width * work.rows[k];
    flops.upsample += 3 * 2 * (t.upsample_coarse * work.rows[k + 1] + t.upsample_fine * work.rows[k]);
  }
  const double width = shape.stages[0].width;
  flops.head = work.rows[0] * 3 * 2 * width * (shape.vocab + 2 * shape.level_classes);
  for (size_t k = 0; k < work.unit_targets.size(); ++k)
    flops.head += work.unit_targets[k] * 3 * 2 * shape.stages[k].width * shape.vocab;
  return flops;
}

/// Predictions of a stage's own head in one sequence (the docstring of sequence_flops says which).
double count_unit_targets(const ModelShape& shape, size_t k, double bytes, double rows) {
  const auto reach = static_cast<double>(shape.unit_reach[k]);
  if (shape.unit_bytes) return std::min(reach * rows, bytes);
  const double whole = std::min(reach, rows);
  return whole * rows - whole * (whole - 1) / 2;
}

}  // namespace

Convention parse_convention(const std::string& name, const std::string& where) {
  for (const Convention c : {Convention::Paper, Convention::Useful, Convention::Executed})
    if (name == to_string(c)) return c;
  throw ConfigError(fmt::format("{}: expected paper, useful or executed, got '{}'", where, name));
}

std::string to_string(Convention convention) {
  switch (convention) {
    case Convention::Paper:
      return "paper";
    case Convention::Useful:
      return "useful";
    case Convention::Executed:
      return "executed";
  }
  throw BugError("unknown convention");
}

double Flops::total() const {
  return std::accumulate(linear.begin(), linear.end(), 0.0) +
         std::accumulate(attention.begin(), attention.end(), 0.0) + pool + upsample + head;
}

Flops& Flops::operator+=(const Flops& other) {
  add_to(linear, other.linear);
  add_to(attention, other.attention);
  pool += other.pool;
  upsample += other.upsample;
  head += other.head;
  return *this;
}

Workload& Workload::operator+=(const Workload& other) {
  add_to(rows, other.rows);
  add_to(pairs, other.pairs);
  add_to(paper_pairs, other.paper_pairs);
  add_to(unit_targets, other.unit_targets);
  return *this;
}

Workload sequence_workload(const ModelConfig& model, std::span<const int64_t> rows) {
  const ModelShape shape = shape_of(model);
  require(rows.size() == shape.stages.size(), "sequence_workload: one row count per stage");
  Workload work;
  for (size_t k = 0; k < rows.size(); ++k) {
    const double s = static_cast<double>(rows[k]);
    const int64_t window = shape.stages[k].window;
    const double w = window > 0 ? std::min(s, static_cast<double>(window)) : s;
    work.rows.push_back(s);
    work.pairs.push_back(w * (2 * s - w + 1) / 2);
    work.paper_pairs.push_back(w * (2 * s - w) / 2);
    if (!shape.unit_reach.empty())
      work.unit_targets.push_back(count_unit_targets(shape, k, static_cast<double>(rows[0]), s));
  }
  return work;
}

Flops training_flops(const ModelConfig& model, const Workload& work, Convention convention) {
  const ModelShape shape = shape_of(model);
  require(work.rows.size() == shape.stages.size(), "training_flops: one row count per stage");
  switch (convention) {
    case Convention::Paper:
      return paper_flops(shape, work);
    case Convention::Useful:
      return counted_flops(shape, work, 3);
    case Convention::Executed:
      return counted_flops(shape, work, 1 + 2.5);
  }
  throw BugError("unknown convention");
}

Flops sequence_flops(const ModelConfig& model, std::span<const int64_t> rows, Convention convention) {
  return training_flops(model, sequence_workload(model, rows), convention);
}

double inference_flops_per_byte(const ModelConfig& model, std::span<const double> rows_per_byte,
                                std::span<const double> context_rows) {
  const ModelShape shape = shape_of(model);
  require(rows_per_byte.size() == shape.stages.size() && context_rows.size() == shape.stages.size(),
          "inference_flops_per_byte: one entry per stage");
  Workload byte;
  byte.rows.assign(rows_per_byte.begin(), rows_per_byte.end());
  for (size_t k = 0; k < shape.stages.size(); ++k) {
    const double window = static_cast<double>(shape.stages[k].window);
    byte.pairs.push_back(rows_per_byte[k] *
                         (window > 0 ? std::min(window, context_rows[k]) : context_rows[k]));
  }
  return counted_flops(shape, byte, 3).total() / 3;
}

double peak_flops_per_second(const std::string& device_name) {
  const auto has = [&](const char* word) { return device_name.find(word) != std::string::npos; };
  if (has("PCIe") || has("NVL")) return 0;
  return has("H100") || has("H200") ? 989.4e12 : 0;
}

}  // namespace aunet
