// Shipped knowledge of devices: how long a training step takes and how much memory a process has, before
// anything was measured here. sweep/speed.h corrects it by the runs of this place.
#pragma once

#include <cstdint>
#include <string>

#include "config/run_config.h"

namespace aunet {

/// What a training step does, in the units that a profile has prices for.
struct StepWork {
  double blocks = 0;       // transformer blocks, encoder and decoder each counted
  double flops = 0;        // useful
  double activations = 0;  // rows x width x blocks, summed over stages
  double logits = 0;       // rows x vocabulary
};

/// Work of one step with `units` rows at stage 1. Rows of deeper stages are taken in the paper's proportion
/// (DESIGN section 6: 8192, 1664, 1144), whatever the split rule: journals know no better, and what is
/// estimated must be counted as what was measured.
StepWork step_work(const ModelConfig& model, double units, double flops);

/// Rows of stage `stage` (from 0) per row of stage 1 in that proportion.
double nominal_rows(size_t stage);

struct DeviceProfile {
  const char* name;          // "cpu", "h100", "h200"
  double seconds_per_block;  // fixed cost of a block's kernels, forward and backward
  double seconds_per_flop, seconds_per_activation, seconds_per_logit;
  double start_seconds;  // from exec to the first step: libraries, corpus, first gate
  double process_bytes;  // memory of the process beside what the model needs
  double log_error;      // standard deviation of log(measured / estimate) before any calibration
  const char* source;
};

/// Profile by name; for "cuda", that of the H100. Throws BugError for an unknown name.
const DeviceProfile& device_profile(const std::string& name);

/// Seconds of a step on the device with `threads` threads (of a CPU).
double profile_step_seconds(const DeviceProfile& profile, const StepWork& work, int64_t threads);

/// Host memory that a run takes more when its text is cut into BPE tokens.
/// Source   peaks of 22 runs of sweeps/quickstart.toml: 197 to 230 MB for AU-Net, 325 to 397 MB for BPE
inline constexpr double kTokenizerBytes = 120e6;

/// Held-out evaluation and gates at the end of a run, in units trained on that would take as long.
/// Source   median of 68 runs of sweeps/quickstart.toml: 102 kB held out, 1000 perturbations
inline constexpr double kAssumedEvaluationUnits = 7e4;

}  // namespace aunet
