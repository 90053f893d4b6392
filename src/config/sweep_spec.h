// A sweep file as plain structs (DESIGN section 6; every key is documented in sweeps/README.md).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/claim.h"
#include "config/engine.h"
#include "config/run_config.h"

namespace aunet {

/// [budget]
struct BudgetSpec {
  std::vector<double> flops;
  std::string convention = "useful";  // paper | useful | executed
  std::string match = "flops";        // flops | bytes | params | inference_flops_per_byte | seconds
  std::string match_place;            // file:line:col of `match`, for messages of the planner
  std::string reference;  // the family whose cells `flops` sizes; the first one where the file is silent
  std::map<std::string, double> rates;  // family -> useful FLOP/s, for match = "seconds"
  double tolerance = 1e-3;
};

/// Passes over a source up to which repeated text is worth about as much as new text (Muennighoff et al.
/// 2023, arXiv 2305.16264, abstract: "up to 4 epochs of repeated data yields negligible changes to loss").
/// Beyond, a cell is refused, or, where the sweep allows it, marked `repeated` and kept apart.
inline constexpr double kMaxEpochs = 4;

/// [data] of a sweep.
struct DeclaredData {                 // only to plan without data
  double bytes_per_token = 0;         // 0: not declared
  std::vector<double> rows_per_8192;  // rows per stage per 8192 bytes
  int64_t tokens_per_window =
      0;  // tokens in a BPE window; 0: context_bytes / bytes_per_token (the paper trains on 2048)
};
struct SweepData {
  DataConfig data;
  std::optional<DeclaredData> declared;
  double max_epochs = kMaxEpochs;   // a cell that passes over a source more often is not run
  std::vector<EvalConfig> evals{};  // [[eval]]: of every finished run
};

/// sizes = { ... } of a family. Exactly one of the four ways is set.
struct SizesSpec {
  // (1) explicit zip: entry i of every list makes size i. aunet: dims = [[32,64],...], layers = [[1,3],...],
  // head_dims likewise;
  //     llama: dims = [64,...], layers = [2,...].
  std::vector<std::vector<int64_t>> dims, layers, head_dims;
  bool paired = false;   // size i runs only at budget i
  bool product = false;  // `grid = "product"`: every dims with every layers, instead of zip
  // (2) per_budget sizes around the optimum, on the ladder (sweep/ladder.h)
  int64_t per_budget = 0;
  std::string around;                                    // "optimum"
  double ratio = 1.6;                                    // FLOPs-per-byte step between neighbouring sizes
  std::optional<std::pair<double, double>> optimum_law;  // optimum = [a, b]: optimal FLOPs per byte = a * C^b
  // (3) same FLOPs per byte as another family's sizes, nearest on the own ladder
  std::string same_as;
};

struct FamilySpec {
  std::string name;
  std::string kind;    // aunet | llama | bytes
  int64_t stages = 0;  // aunet
  ModelConfig base;    // everything but the sizes: split, windows, tokenizer, multiple_of ...; lists per
                       // stage stay empty, head_dim and multiple_of 0, where the file is silent: the
                       // planner fills them (sweep/ladder.h)
  SizesSpec sizes;
  std::optional<double> lr;           // number; else the law
  std::optional<double> batch_bytes;  // number; else the law
  std::vector<int64_t>
      batch_sequences;  // one per explicit size: windows per step, instead of batch_bytes or the law
  std::string law;      // "paper" | "fitted" | "" : by [tune]
  double data_ratio =
      0;  // > 0: the paper's data-to-model ratio gamma (in gamma_token) fixes the units, and the
          // budget of each size is what it then spends (paper.md 2.1); [budget] flops is left out
  std::vector<std::vector<SplitRule>> splits;  // aunet: the split rules that the axis "split" tries, in order
  double byte_width = 1;  // aunet: width of stage 1 over what `sizes` says; set by the axis "byte_width"
  std::string variant;  // "" as in the file; else which model axes moved where ("vocab 2048"): with the name,
                        // it says which rows of the data a family sees
  int line = 0;         // of its [[family]] header, for messages
};

inline constexpr const char* kTuneAxes[] = {"lr", "batch", "weight_decay", "vocab", "split", "byte_width"};

struct TuneSpec {
  std::vector<std::string> axes;  // subset of kTuneAxes; empty: no tuning
  std::string start = "law";      // "law" or a number per axis: start = { lr = 0.01, batch = 4096 }
  std::optional<double> start_lr, start_batch_bytes;
  std::string until = "interior";
  int64_t max_trials = 0;                      // per family and tuned budget; 0: sweep/tuning.h
  std::string law;                             // "fitted" | "paper"; "": fitted from two tuned budgets on
  std::vector<std::string> at = {"smallest"};  // budgets tuned: "smallest", "largest", "middle" or numbers;
                                               // others follow the law's slope
};

struct ReplicateSpec {
  int64_t seeds = 1;            // seeds in all at the named budgets (init and data move together)
  std::vector<std::string> at;  // "smallest", "largest"
};

struct ExcludeSpec {
  std::string where;  // e.g. "epochs > 4", "family == 'bpe' and budget >= 1e12"
  std::string reason;
  int line = 0;
};

/// [[override]]: mends the cells for which `where` holds.
struct OverrideSpec {
  struct Change {
    std::string field;       // lr | batch_bytes | weight_decay | clip | warmup | init_seed
    double value = 0;        // the new value, or
    bool is_factor = false;  // what the old one is multiplied by: "x0.5"
  };
  std::string where;
  std::vector<Change> set;
  std::string reason;
  int line = 0;
};

struct SweepSpec {
  std::string file;  // as given, for messages
  std::string name;
  std::vector<uint64_t> seeds_init = {0}, seeds_data = {0};
  std::vector<ClaimSpec> claims;  // registered when the sweep is first run
  SweepData data;
  BudgetSpec budget;
  std::vector<FamilySpec> families;
  TuneSpec tune;
  OptimConfig optim;  // [optim]: all but lr
  ScheduleConfig schedule;
  bool branches = false;  // wsd: the budgets of a size share one stable phase (sweep/run_tree.h)
  ReplicateSpec replicates;
  RuntimeConfig runtime;  // [checkpoints], [gates], [run]
  RetrySpec retry;
  NotifySpec notify;
  std::vector<ExcludeSpec> exclude;
  std::vector<OverrideSpec> overrides{};
};

/// Reads a sweep file; paths in it become relative to the file's folder. Errors as read_run_config.
SweepSpec read_sweep_spec(const std::string& path, const std::vector<std::string>& overrides = {});
SweepSpec parse_sweep_spec(const std::string& toml_text, const std::string& file_name,
                           const std::vector<std::string>& overrides = {});

}  // namespace aunet
