#include "data/batch.h"

#include "core/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

namespace aunet {
namespace {

/// Rows of one sequence at each stage: for stage k > 0 the rows of stage k - 1 (counted in the sequence) it
/// keeps. The one place that decides which rows live, for pack() and for row counts.
struct KeptRows {
  std::vector<std::vector<int32_t>> kept;  // [K-1][rows of stage k+1 in the sequence]
  int64_t cut_rows = 0;
};

KeptRows keep_rows(const Sequence& sequence, const AunetConfig& model) {
  const auto n_transitions = static_cast<int32_t>(model.dimensions.size()) - 1;
  std::vector<int32_t> levels = sequence.input_levels;  // of the rows alive at stage k
  require(levels.size() == sequence.inputs.size(), "pack: an AU-Net sequence needs a level per input");
  require(!levels.empty(), "pack: empty sequence");
  levels[0] = n_transitions;
  KeptRows out;
  for (int32_t k = 0; k < n_transitions; ++k) {
    const int64_t cap = model.max_seqlens.empty() ? -1 : model.max_seqlens[k + 1];
    std::vector<int32_t> rows, alive;
    for (size_t r = 0; r < levels.size(); ++r) {
      if (levels[r] <= k) continue;
      if (cap >= 0 && static_cast<int64_t>(rows.size()) >= cap) {
        out.cut_rows += std::min(levels[r], n_transitions) - k;  // lost to this stage and to the deeper ones
        continue;
      }
      rows.push_back(static_cast<int32_t>(r));
      alive.push_back(levels[r]);
    }
    out.kept.push_back(std::move(rows));
    levels = std::move(alive);
  }
  return out;
}

/// Appends one sequence's rows to a transition. `fine` is its number of stage-k rows, `first_*` where it
/// begins.
void append_rows(const std::vector<int32_t>& kept, int32_t fine, int32_t first_fine, Transition& transition) {
  const auto first_coarse = static_cast<int32_t>(transition.kept.size());
  size_t unit = 0;
  for (int32_t r = 0; r < fine; ++r) {
    if (unit + 1 < kept.size() && kept[unit + 1] == r) ++unit;
    transition.unit.push_back(first_coarse + static_cast<int32_t>(unit));
    transition.offset.push_back((r - kept[unit]) % kOffsets);
  }
  for (const int32_t r : kept) transition.kept.push_back(first_fine + r);
}

/// Appends which rows the units of one sequence pool: runs that follow each other.
void append_pooled(const std::vector<int32_t>& kept, int32_t first_fine, Transition& transition) {
  auto unit = static_cast<int32_t>(transition.unit_rows.size());
  int32_t row = kept[0];
  for (const int32_t last : kept) {
    transition.unit_rows.push_back(last + 1 - row);
    for (; row <= last; ++row) {
      transition.pooled.push_back(first_fine + row);
      transition.pooled_unit.push_back(unit);
    }
    ++unit;
  }
}

/// Appends what the heads of one sequence's stages predict. `bytes`: the byte row that each row of the stage
/// was pooled from, `first_row`: where the sequence's rows begin at the stage.
void append_unit_targets(const std::vector<int32_t>& bytes, const Sequence& sequence, int32_t first_row,
                         const AunetConfig& model, UnitTargets& out) {
  const auto n_rows = static_cast<int64_t>(bytes.size()), n_bytes = std::ssize(sequence.targets);
  const auto reach = static_cast<size_t>(model.unit_reach);
  out.rows.resize(reach);
  out.targets.resize(reach);
  const bool one_unit = model.unit_targets == "bytes";
  for (int64_t j = 0; j < n_rows; ++j) {
    const int64_t next = j + 1 < n_rows ? bytes[j + 1] : n_bytes;
    for (int64_t i = 0; i < model.unit_reach; ++i) {
      if (one_unit ? bytes[j] + i >= next : j + i >= n_rows) break;
      out.rows[i].push_back(first_row + static_cast<int32_t>(j));
      out.targets[i].push_back(sequence.targets[one_unit ? bytes[j] + i : bytes[j + i]]);
    }
  }
}

/// Counting sort of the fine rows by offset.
void sort_by_offset(Transition& transition) {
  transition.group.fill(0);
  for (const int32_t offset : transition.offset) ++transition.group[offset + 1];
  std::partial_sum(transition.group.begin(), transition.group.end(), transition.group.begin());
  transition.order.resize(transition.offset.size());
  auto next = transition.group;
  for (size_t r = 0; r < transition.offset.size(); ++r) {
    transition.order[next[transition.offset[r]]++] = static_cast<int32_t>(r);
  }
}

void append(std::vector<int32_t>& to, const std::vector<int32_t>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

/// The stages' own tables of one sequence, whose rows cu_rows already holds.
void append_units(const KeptRows& kept, const Sequence& sequence, const AunetConfig& model, Batch& batch) {
  const size_t n_stages = batch.cu_rows.size(), b = batch.cu_rows[0].size() - 2;
  const bool whole_units = pools_whole_units(model);
  std::vector<int32_t> bytes(sequence.inputs.size());
  std::iota(bytes.begin(), bytes.end(), 0);
  for (size_t k = 0; k + 1 < n_stages; ++k) {
    if (whole_units) append_pooled(kept.kept[k], batch.cu_rows[k][b], batch.transitions[k]);
    std::vector<int32_t> coarse;
    for (const int32_t row : kept.kept[k]) coarse.push_back(bytes[row]);
    bytes = std::move(coarse);
    if (unit_weight(model, k + 1) > 0)
      append_unit_targets(bytes, sequence, batch.cu_rows[k + 1][b], model, batch.unit_targets[k + 1]);
  }
}

}  // namespace

int64_t UnitTargets::count() const {
  return std::accumulate(rows.begin(), rows.end(), int64_t{0},
                         [](int64_t sum, const auto& of_reach) { return sum + std::ssize(of_reach); });
}

TargetCounts& TargetCounts::operator+=(const Batch& batch) {
  units += batch.target_units;
  unit_targets.resize(std::max(unit_targets.size(), batch.unit_targets.size()));
  for (size_t k = 0; k < batch.unit_targets.size(); ++k) unit_targets[k] += batch.unit_targets[k].count();
  return *this;
}

Batch pack(std::span<const Sequence> sequences, const ModelConfig& model) {
  const auto* aunet = std::get_if<AunetConfig>(&model);
  const size_t n_stages = aunet ? aunet->dimensions.size() : 1;
  Batch batch;
  batch.n_sequences = static_cast<int64_t>(sequences.size());
  batch.cu_rows.assign(n_stages, {0});
  batch.transitions.resize(n_stages - 1);
  if (aunet && !aunet->lambda_units.empty()) batch.unit_targets.resize(n_stages);
  for (const auto& sequence : sequences) {
    require(sequence.inputs.size() == sequence.targets.size(), "pack: inputs and targets differ in length");
    append(batch.inputs, sequence.inputs);
    append(batch.targets, sequence.targets);
    batch.text_bytes += sequence.text_bytes;
    auto rows = static_cast<int32_t>(sequence.inputs.size());
    const KeptRows kept = aunet ? keep_rows(sequence, *aunet) : KeptRows{};
    for (size_t k = 0; k < n_stages; ++k) {
      const int32_t first = batch.cu_rows[k].back();
      batch.cu_rows[k].push_back(first + rows);
      if (k + 1 == n_stages) break;
      append_rows(kept.kept[k], rows, first, batch.transitions[k]);
      rows = static_cast<int32_t>(kept.kept[k].size());
    }
    batch.cut_rows += kept.cut_rows;
    if (!aunet) continue;
    append_units(kept, sequence, *aunet, batch);
    append(batch.input_levels, sequence.input_levels);
    batch.input_levels[batch.input_levels.size() - sequence.inputs.size()] =
        static_cast<int32_t>(n_stages) - 1;
    append(batch.target_levels, sequence.target_levels);
  }
  require(batch.inputs.size() <= static_cast<size_t>(std::numeric_limits<int32_t>::max()),
          "pack: more than 2^31 rows in a batch");
  for (auto& transition : batch.transitions) sort_by_offset(transition);
  batch.target_units = static_cast<int64_t>(batch.targets.size());
  return batch;
}

std::vector<int64_t> row_counts(const Sequence& sequence, const ModelConfig& model) {
  std::vector<int64_t> rows{static_cast<int64_t>(sequence.inputs.size())};
  if (const auto* aunet = std::get_if<AunetConfig>(&model)) {
    for (const auto& kept : keep_rows(sequence, *aunet).kept)
      rows.push_back(static_cast<int64_t>(kept.size()));
  }
  return rows;
}

}  // namespace aunet
