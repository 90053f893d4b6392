// A packed batch: exactly the real rows of every stage, no padding (DESIGN section 4, "Packed stages").
//
// Letters: B sequences, K stages, R_k rows of stage k over the whole batch (R_1 = input positions).
// Everything a step needs is computed here on the host, so the step itself never synchronises.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "config/model_config.h"
#include "data/split_rules.h"
#include "data/stream.h"
#include "data/tokenizer.h"

namespace aunet {

/// Position-in-unit matrices of multi-linear upsampling (official max_pos, paper.md 1.1).
inline constexpr int kOffsets = 16;

/// Between stage k (fine) and k+1 (coarse).
struct Transition {
  std::vector<int32_t> kept;  // [R_{k+1}] row of stage k that each coarse row pools
  std::vector<int32_t> unit;  // [R_k] coarse row that serves a fine row: the last one pooled at or before it
  std::vector<int32_t> offset;  // [R_k] (row - kept[unit]) mod kOffsets
  std::vector<int32_t> order;   // [R_k] fine rows by offset, stable: group g is order[group[g] .. group[g+1])
  std::array<int32_t, kOffsets + 1> group{};
  // Filled only for pooling that looks at whole units (average, max, cross_attention). Unit j pools the rows
  // after the one before it, up to its own: kept[j-1]+1 .. kept[j], of a sequence's first unit kept[j] alone.
  std::vector<int32_t> pooled;  // [P] the rows of stage k that a unit pools: up to a sequence's last kept
  std::vector<int32_t> pooled_unit;  // [P] the coarse row that pools each
  std::vector<int32_t> unit_rows;    // [R_{k+1}] how many each pools
  bool operator==(const Transition&) const = default;
};

/// What a stage's own head predicts (model/unit_head.h): at reach i, targets[i][n] from the stage's row
/// rows[i][n].
struct UnitTargets {
  std::vector<std::vector<int32_t>> rows, targets;  // [reach][n_i]; empty: the stage has no head
  int64_t count() const;                            // over all i
  bool operator==(const UnitTargets&) const = default;
};

struct Batch {
  int64_t n_sequences = 0;
  std::vector<int32_t> inputs;         // [R_1] ids
  std::vector<int32_t> targets;        // [R_1] next ids
  std::vector<int32_t> input_levels;   // [R_1] AU-Net: each sequence's first is forced to K-1; else empty
  std::vector<int32_t> target_levels;  // [R_1] AU-Net: level of each target; else empty
  std::vector<std::vector<int32_t>> cu_rows;  // [K][B+1] first row of each sequence at stage k, then R_k
  std::vector<Transition> transitions;        // [K-1]
  std::vector<UnitTargets> unit_targets;      // [K], or empty: no stage has a head of its own
  int64_t cut_rows = 0;      // rows lost to max_seqlens, over all stages: rows without caps minus rows
  int64_t text_bytes = 0;    // bytes of text among the targets
  int64_t target_units = 0;  // R_1: every target is scored in training
  int64_t n_stages() const { return static_cast<int64_t>(cu_rows.size()); }
  int64_t rows(int64_t stage) const { return cu_rows[stage].back(); }
  bool operator==(const Batch&) const = default;
};

/// How many targets the sums of a step are over: all its batches, on all ranks. The loader knows them.
struct TargetCounts {
  int64_t units = 0;                    // of nats and level_nats
  std::vector<int64_t> unit_targets{};  // [K] or empty
  TargetCounts& operator+=(const Batch& batch);
  bool operator==(const TargetCounts&) const = default;
};

/// One unpacked sequence of a batch.
struct Sequence {
  std::vector<int32_t> inputs, targets;
  std::vector<int32_t> input_levels, target_levels;  // before forcing; empty for a transformer
  int64_t text_bytes = 0;
};

/// Packs sequences. For AU-Net: forces the first level of each to the deepest, keeps rows whose level > k at
/// transition k, at most max_seqlens[k+1] of a sequence (later ones are cut and counted; max_seqlens[0] is
/// not looked at). A transformer has one stage.
Batch pack(std::span<const Sequence> sequences, const ModelConfig& model);

/// Rows per stage of one sequence: exactly pack()'s, without packing.
std::vector<int64_t> row_counts(const Sequence& sequence, const ModelConfig& model);

/// Turns windows into sequences of one family: ids with marks, levels, targets.
/// A window [span, span, ...] becomes begin, ids(span 1), end if it ends a document, begin, ids(span 2), ...;
/// inputs are all but the last of these, targets all but the first. A begin mark has the deepest level: a
/// document begins a unit of every stage, also in mid-window. One builder per thread.
class SequenceBuilder {
 public:
  /// `tokenizer` outlives the builder; byte tokenizer for AU-Net and byte transformers.
  SequenceBuilder(const ModelConfig& model, const Tokenizer& tokenizer);
  ~SequenceBuilder();
  /// `max_text_bytes` > 0 keeps only that many bytes of the window (rounded down to a UTF-8 border,
  /// but never to none: the first character stays whole).
  Sequence training(const Corpus& corpus, const Window& window, int64_t max_text_bytes = 0) const;
  /// begin mark + piece, every byte of the piece scored, no end mark (DESIGN: bits per byte).
  Sequence evaluation(std::string_view piece) const;
  /// Rows per stage of one sequence, what the FLOP counter asks for: exactly pack()'s, without packing.
  std::vector<int64_t> rows(const Sequence& sequence) const;
  Splitter const* splitter() const { return splitter_.get(); }

 private:
  /// Ids of a piece of text between marks, and their levels.
  struct Positions {
    std::vector<int32_t> ids, levels;  // levels: empty for a transformer
  };
  void append_mark(int32_t id, Positions& out) const;
  void append_text(std::string_view text, Positions& out) const;
  void append_span(const Corpus& corpus, const Span& span, int64_t end, Positions& out) const;
  Sequence finish(const Positions& positions) const;

  ModelConfig model_;
  const Tokenizer& tokenizer_;
  std::unique_ptr<Splitter> splitter_;  // null for transformers
  int32_t deepest_ = 0;
  bool causal_ = false;
  std::string rules_,
      ids_of_;  // what a prepared corpus calls this builder's levels and ids; "": computes them
};

}  // namespace aunet
