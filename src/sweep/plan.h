// Grid -> cells: each a fully resolved run that spends its budget. The only place that turns a sweep file
// into runs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "budget/flops.h"
#include "budget/params.h"
#include "config/sweep_spec.h"

namespace aunet {

/// What the planner must know of the data for one (family model, data seed). Filled from data/profile.h by
/// the caller, or from [data] declared (sweep/declared.h). With prefix sums the planner finds a horizon for
/// any size without re-reading text.
struct DataFacts {
  int64_t n_stages = 1;
  bool declared = false;                // constant rows per window, no fingerprint: keys are null
  std::vector<int32_t> rows;            // [n_windows, n_stages]; declared: one line, rows of every window
  std::vector<int32_t> text_bytes;      // [n_windows]; declared: one entry
  double bytes_per_token = 1;           // text bytes per target unit
  double epoch_bytes = 0;               // unique text bytes; 0: unknown
  std::vector<double> source_bytes;     // of them, per source of data.train; empty: one source
  std::vector<uint16_t> window_source;  // [n_windows] the source that a window is of; empty: one source
  std::string train_fingerprint, heldout_fingerprint;
  std::vector<std::string> eval_fingerprints;  // of the clean text of each [[eval]]
  std::string tokenizer_fingerprint, tokenizer_path;
  int64_t vocab = 0;  // ids of the tokenizer without the two marks; 0: as the family says
  /// Rows per stage of window `window` cut to at most `max_text_bytes` bytes of text, as training would see
  /// them: lets a run end inside a window. Absent: runs end between windows. Not asked for declared data,
  /// whose rows scale linearly.
  std::function<std::vector<int64_t>(int64_t window, int64_t max_text_bytes)> cut_rows;
};

/// What a run draws from one source of its training text.
struct SourceUse {
  double drawn_bytes = 0, size_bytes = 0;  // repeated text counted each time; all of the source's text
  double epochs() const { return drawn_bytes / size_bytes; }
};

/// Asked by the planner: facts for a model (only split rules, caps, tokenizer matter) covering at least
/// `n_windows` windows. Called with growing n_windows until the horizon is found.
using FactsProvider =
    std::function<const DataFacts&(const FamilySpec& family, uint64_t data_seed, int64_t n_windows)>;

/// The checkpoint of another run after `step`, in which a cell would find its own state.
struct BranchPoint {
  std::string key;  // "" when the data are declared
  int64_t step = 0;
};

enum class CellRole { Tune, Grid, Replicate };
std::string to_string(CellRole role);

/// What a cell has in common with the reference family's cell at the same budget and size: [budget] match.
struct CellMatch {
  std::string quantity;  // "flops", "bytes", "params", "inference_flops_per_byte", "seconds"; "": not planned
                         // to a budget
  double target = 0, achieved = 0;
  double error() const;  // |achieved / target - 1|
};

struct Cell {
  RunConfig run;    // complete; run.origin filled
  std::string key;  // "" when the data are declared
  std::string family;
  CellRole role = CellRole::Grid;
  double budget_flops = 0;  // the grid's budget (by spec convention)
  int64_t size_index = 0;
  bool provisional = false;  // rate or batch still to be tuned: the key may change
  ParamCount params;
  Flops flops_paper, flops_useful, flops_executed;  // of the whole run
  double flops_by_convention = 0;                   // what is compared with the budget
  double budget_error = 0;                          // |spent / budget - 1|
  CellMatch match;
  double text_bytes = 0;           // trained on
  std::optional<double> tokens;    // target units of a BPE model
  double epochs = 0;               // largest over the sources: drawn from it / its size; 0: unknown
  double unique_bytes = 0;         // different text bytes seen, over all sources; 0: unknown
  std::vector<SourceUse> sources;  // in the order of data.train; empty: unknown
  bool repeated() const { return epochs > kMaxEpochs; }  // kept apart from fits
  int64_t steps = 0;
  double batch_bytes = 0, batch_units = 0;
  double inference_flops_per_byte = 0;
  double memory_bytes = 0;   // estimate: weights, gradients, moments, activations of a micro-batch
  std::vector<double> rows;  // rows per stage of the whole run
  double law_lr = 0, law_batch_units = 0;  // the paper's laws at this cell's paper FLOPs, used or not
  std::string lr_source;                   // "law paper", "given", "tuned at 2e10", ...
  std::vector<std::string> warnings;       // e.g. "fewer than 100 steps"

  // Run trees (sweep/run_tree.h). The cell's FLOPs above are accounted ones: trunk and own part.
  std::string tree;                    // trunk_key() of the run; "" when it shares nothing
  std::vector<BranchPoint> ancestors;  // shorter cells of the tree, nearest first; the first is the parent
  int64_t shared_steps = 0;            // computed by the parent
  double shared_flops = 0, shared_useful = 0;  // of those steps, by the sweep's convention and useful

  /// What running the cell computes anew.
  int64_t incremental_steps() const { return steps - shared_steps; }
  double incremental_flops() const { return flops_by_convention - shared_flops; }
  double incremental_useful() const { return flops_useful.total() - shared_useful; }
};

struct ExcludedCell {
  Cell cell;
  std::string reason;  // of the [[exclude]] rule, or the planner's own
};

/// Losses of finished runs by key; the planner replays the tuning rule on them.
using LossLookup = std::function<std::optional<double>(const std::string& key)>;  // +inf for a diverged run

struct Plan {
  std::string sweep;
  /// Tuning trials known so far, then grid, then replicates; stable order. A key may occur twice: once as the
  /// best tuning trial and once as the grid cell that it is (the same run serves both).
  std::vector<Cell> cells;
  std::vector<ExcludedCell> excluded;
  bool tuning_complete = true;     // false: run the Tune cells, then plan again
  std::vector<std::string> notes;  // e.g. tuned optimum per family
  std::vector<ClaimSpec> claims;   // what the sweep is run for
  std::string lock_text;           // what tuning came to, to be kept when it is complete; "" without [tune]
  std::string lock_problem;        // "" or why the lock given is not one of this file
};

struct TuningLock;  // sweep/tuning_lock.h

/// Same spec, facts and losses -> same cells, keys, order. Throws ConfigError when a cell misses its
/// tolerance, or a family cannot be sized, naming the family's line.
/// `lock`: what the tuning of an earlier call came to (sweep/tuning_lock.h); nullptr: from the losses.
Plan make_plan(const SweepSpec& spec, const FactsProvider& facts, const LossLookup& losses,
               const TuningLock* lock = nullptr);

}  // namespace aunet
