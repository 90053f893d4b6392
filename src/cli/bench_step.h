// `bench step`: the time of whole training steps (forward, backward, clip, AdamW), same flags as the PyTorch
// peer.
#pragma once

#include "cli/command.h"

namespace aunet {

/// Prints one JSON object with --json: positions_per_s, step_ms [min, median, max], peak_bytes, params, rows
/// per stage, model_tflops_per_s and mfu (convention `useful` at the batch's real rows; mfu null where the
/// device's peak is unknown).
int cmd_bench_step(const Args& args);

}  // namespace aunet
