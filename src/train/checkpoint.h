// Checkpoints: folders that are complete or absent, verified before they are used.
//
//   checkpoints/step-00000100/model.safetensors   weights under their official names
//                             optim.safetensors   AdamW moments, flat, in the order of the model's parameters
//                             state.json          TrainState, numerics, key; hashes of the others and of
//                             itself
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/run_config.h"
#include "model/language_model.h"
#include "nn/adamw.h"

namespace aunet {

/// All that the next step depends on besides weights, moments and the corpus. The data cursor is `step`.
struct TrainState {
  int64_t step = 0;                   // steps done
  int64_t text_bytes = 0, units = 0;  // cumulative, as journalled
  double flops_useful = 0, flops_paper = 0, flops_executed = 0;
  std::optional<double> first_loss;  // nats per unit of step 1, what divergence is measured from
  int64_t steps_above = 0;           // steps in a row with a loss above first_loss + 2
  bool operator==(const TrainState&) const = default;
};

/// What bitwise equality is promised for (DESIGN section 5). Fixed by a run's first attempt.
struct Numerics {
  int64_t version = kNumericsVersion;
  int64_t threads = 1;
  std::string device;           // "cpu" | "cuda"
  std::string instruction_set;  // what ATen chose: "AVX2", "AVX512", ...
  std::string torch_version;
  bool operator==(const Numerics&) const = default;
};
Numerics current_numerics(const RuntimeConfig& runtime);
/// What differs, for people: "threads 1 -> 2, instruction set AVX512 -> AVX2"; "" when equal.
std::string describe_difference(const Numerics& then, const Numerics& now);

struct LoadedCheckpoint {
  TrainState state;
  Numerics numerics;  // of the attempt that wrote it
  std::string path;
};

class Checkpoints {
 public:
  /// `folder` is RUN/checkpoints; it is created on the first save. `key` is stored and compared: a checkpoint
  /// of another configuration is an Error, never used. Keeps the newest `keep` (at least 1) and, for the run
  /// trees that start from it, the one after step `pin` (0: none).
  Checkpoints(std::string folder, std::string key, Numerics numerics, int64_t keep, int64_t pin = 0);

  /// Writes step-NNNNNNNN: a temporary folder, every file and the folder fsynced, then renamed. Afterwards
  /// removes what `keep` does not cover, and everything newer than `state.step`: the run has gone back behind
  /// it, so it was unusable. Returns the path relative to the run directory.
  /// Throws Error (disk full) naming the file; older checkpoints stay intact, no temporary folder is left.
  std::string save(const TrainState& state, LanguageModel& model, AdamW& optimizer);

  /// Loads the newest checkpoint that is complete; each one that is not is named in a warning and skipped.
  /// nullopt when none is left. `optimizer` may be null (evaluation). Nothing is written to the model before
  /// all hashes are checked. Throws Error when the key or a tensor's name or shape is another model's.
  std::optional<LoadedCheckpoint> load_newest(LanguageModel& model, AdamW* optimizer) const;

  /// Loads the checkpoint folder `path`. Throws Error also when it is incomplete or corrupt.
  LoadedCheckpoint load(const std::string& path, LanguageModel& model, AdamW* optimizer) const;

  /// Loads the checkpoint after `step`; nullopt when there is none or it is incomplete (named in a warning).
  std::optional<LoadedCheckpoint> load_step(int64_t step, LanguageModel& model, AdamW* optimizer) const;
  /// Numerics of the attempt that wrote the checkpoint after `step`; nullopt as load_step, without a warning.
  std::optional<Numerics> numerics_at(int64_t step) const;

  /// Removes temporary folders of killed processes. Only for the holder of the run's lock.
  void remove_leftovers() const;

 private:
  std::string folder_, key_;
  Numerics numerics_;
  int64_t keep_, pin_;
  void prune(int64_t saved_step) const;
};

}  // namespace aunet
