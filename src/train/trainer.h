// The training loop. It gets parts, not flags: who builds them is cli/train_run.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "budget/flops.h"
#include "config/run_config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/journal.h"
#include "data/loader.h"
#include "model/language_model.h"
#include "nn/adamw.h"
#include "train/checkpoint.h"

namespace aunet {

/// A run that cannot go on, with the `cause` of its journal's end record ("nan", "diverged", "gate",
/// "config").
struct RunFailure : Error {
  RunFailure(std::string cause_word, const std::string& message)
      : Error(message), cause(std::move(cause_word)) {}
  std::string cause;
};

/// A run diverged when its loss was more than kDivergedNats above that of step 1 for kDivergedSteps steps in
/// a row: no schedule brings it back, and its budget is better spent elsewhere. The numbers are ours.
inline constexpr double kDivergedNats = 2;
inline constexpr int64_t kDivergedSteps = 20;

/// References to what the caller owns; all of it outlives the trainer.
struct TrainerParts {
  const RunConfig& run;
  LanguageModel& model;
  AdamW& optimizer;
  Loader& loader;  // its next batch is that of step state.step + 1
  Checkpoints& checkpoints;
  AppendFile& journal;
  std::function<bool()> stop_requested;  // asked after every step
  std::function<double()> seconds;       // a monotonic clock
  std::function<void()> diagnose = {};   // called before the run fails as nan or diverged
};

enum class TrainOutcome { Finished, Interrupted };

/// What the FLOP counter needs to know of a step: the real rows of each of its sequences, added up.
Workload step_workload(const ModelConfig& model, const StepBatches& step);

class Trainer {
 public:
  /// Advances `state`, which the caller owns and reads also after a throw.
  Trainer(TrainerParts parts, TrainState& state, int64_t attempt);

  /// Trains to the horizon, or until a stop is requested. Either way the last step is checkpointed.
  ///
  /// Loss of a step = sum over micro-batches of objective() (model/language_model.h) with the counts of the
  /// whole step, so that accumulation is memory, not mathematics. Losses are read from the device once a
  /// step. Throws   RunFailure "nan" (loss or gradient norm not finite; the step is journalled, not
  /// checkpointed),
  ///          RunFailure "diverged", Error (disk full; what was written before stays intact)
  TrainOutcome run();

 private:
  TrainerParts parts_;
  TrainState& state_;
  int64_t attempt_, n_steps_;
  int64_t checkpointed_step_;
  double checkpointed_at_;
  int64_t cut_rows_ = 0;  // by max_seqlens, in this attempt
  at::Device device_;

  double forward_backward(const StepBatches& step);
  StepRecord record(double nats, const StepBatches& step);
  void refuse_bad_step(const StepRecord& step);
  bool checkpoint_due() const;
  void checkpoint();
};

}  // namespace aunet
