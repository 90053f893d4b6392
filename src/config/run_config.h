// One run, fully resolved: what `run.toml` holds, what the trainer needs, what the run key hashes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/model_config.h"

namespace aunet {

/// Version of the numerics: raised when a change alters the weights a run ends with. Part of the key.
inline constexpr int64_t kNumericsVersion = 1;

/// Version of the bits-per-byte scorer: raised when a change alters the number it gives a model. Part of
/// eval_key.
inline constexpr int64_t kScorerVersion = 1;

struct SourceConfig {
  std::string
      path{};  // file, folder or prepared corpus (data/read_corpus.h); relative to the file that names it
  double weight = 1;  // share of training bytes, sum-normalised; all 0: in proportion to their sizes
  bool operator==(const SourceConfig&) const = default;
};

/// Training windows (data/stream.h): each begins with the begin mark and holds at most context_bytes bytes of
/// text.
struct DataConfig {
  std::vector<SourceConfig> train{};
  std::vector<std::string> heldout{};
  std::string invalid = "refuse";  // lines without a valid document: "refuse" | "skip" (data/source_reader.h)
  std::string overlap = "refuse";  // a held-out document that is trained on: "refuse" | "allow"
  int64_t context_bytes = 512;     // E of DESIGN section 4
  bool document_mask = false;      // attention stops at document borders inside a window
  std::string train_fingerprint{};  // hash of the sources' contents and weights; "" until resolved
  std::string heldout_fingerprint{};
};

/// A further evaluation of the finished model, in bits per byte, beside the held-out one. Not part of the
/// key: a new evaluation never retrains.
struct EvalConfig {
  std::string name{};                // journal split; any name but "heldout"
  std::vector<std::string> paths{};  // empty: data.heldout
  std::string corrupt = "none";      // none | typos | no_spaces | lowercase | uppercase
  double rate = 0.05;                // typos: share of the letters that are hit
  uint64_t seed = 0;                 // of the typos
  std::string fingerprint{};         // of the clean text; "" until resolved
  bool operator==(const EvalConfig&) const = default;
};

struct OptimConfig {  // AdamW, one group, norms and embeddings included (paper table 6)
  double lr = 0;      // peak
  double beta1 = 0.9, beta2 = 0.95, eps = 1e-8, weight_decay = 0.1, clip = 0.2;
};

struct ScheduleConfig {
  std::string kind = "cosine";  // "cosine" (paper) | "wsd": warm-up, constant rate, decay at the end
  double warmup = 0.1;          // share of the steps, linear from 0 (paper table 6: 10 %)
  double floor = 0.01;          // last rate / peak (paper table 6)
  double decay = 0.2;           // wsd: share of the steps that decay, by 1 - sqrt (Haegele et al. 2024)
  int64_t warmup_steps = -1;    // wsd: warm-up in steps instead of a share, so that runs of any length share
                                // their stable phase; -1: by `warmup`
};

/// How far to train. The stream is cut into windows numbered from 0; the run consumes windows 0 .. windows-1,
/// `batch_windows` a step, the last of them cut to `last_window_bytes` bytes of text (0: not cut).
/// steps = ceil(windows / batch_windows).
struct HorizonConfig {
  int64_t windows = 0;
  int64_t batch_windows = 0;
  int64_t last_window_bytes = 0;
  int64_t accumulation = 1;  // micro-batches a step is split into (memory, not mathematics)
};

struct SeedConfig {
  uint64_t init = 0, data = 0;
};

/// What does not change the weights' identity, and so is left out of the key.
struct RuntimeConfig {
  int64_t threads = 1;
  int64_t loader_workers = 1;  // threads that build batches ahead (data/loader.h); the batches are the same
  std::string device = "cpu";  // "cpu" | "cuda"
  double checkpoint_seconds = 120;    // wall time between checkpoints; 0: none but the last
  int64_t checkpoint_steps = 0;       // also every so many steps; 0: off
  int64_t checkpoint_keep = 2;        // newest kept
  std::string gate_causal = "pass";   // what is demanded: "pass" | "leaky-allowed" | "off"
  int64_t gate_perturbations = 1000;  // on held-out text, after the last step (eval/causality.h)
  /// Run trees: the checkpoint after this step is never pruned (where a wsd run's decay begins); 0: none.
  int64_t checkpoint_pin = 0;
  /// Run trees: start from RUNS/parent_key's checkpoint after parent_step, bit by bit what this run would
  /// have reached itself; "": from the beginning.
  std::string parent_key{};
  int64_t parent_step = 0;
};

/// Where the run comes from. Not part of the key: the same run may serve several sweeps.
struct OriginConfig {
  std::string name{};  // experiment or sweep name
  std::string family{};
  double budget_flops = 0;  // 0: not planned to a budget
  std::string convention = "useful";
  double flops_planned = 0;  // by `convention`, as planned
};

struct RunConfig {
  ModelConfig model{};
  DataConfig data;
  std::vector<EvalConfig> evals{};
  OptimConfig optim;
  ScheduleConfig schedule;
  HorizonConfig horizon;
  SeedConfig seeds;
  RuntimeConfig runtime;
  OriginConfig origin;
};

/// Reads an experiment or a run.toml. `overrides` are "a.b=c" from --set, parsed as TOML values.
/// Unknown keys, wrong types, ranges and list lengths: ConfigError `file:line:col: key: expected, got`.
/// An experiment may say `[horizon] flops = 1e12` (or bytes, or steps) instead of windows: see
/// config/experiment.h.
RunConfig read_run_config(const std::string& path, const std::vector<std::string>& overrides = {});
RunConfig parse_run_config(const std::string& toml_text, const std::string& file_name,
                           const std::vector<std::string>& overrides = {});

/// run.toml text; parse_run_config(to_toml(c)) == c for every field.
std::string to_toml(const RunConfig& run);

/// One line of JSON with sorted keys that holds exactly what changes the weights: model, tokenizer and
/// training-data fingerprints, context, optimizer, schedule, horizon, seeds, numerics version. Paths, names,
/// runtime are left out. A key added in a later release is left out while it has its neutral value, so that
/// old keys stay.
std::string canonical(const RunConfig& run);

/// First 16 hex digits of hash_hex(canonical(run)). Throws BugError when a fingerprint is missing.
std::string train_key(const RunConfig& run);

/// hash of (train_key, held-out fingerprint, context_bytes, scorer version), 16 hex digits.
std::string eval_key(const RunConfig& run);

}  // namespace aunet
