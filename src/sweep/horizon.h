// How far a run goes: windows of training text, so that the FLOPs spent meet a budget.
#pragma once

#include <cstdint>
#include <limits>

#include "sweep/window_sums.h"

namespace aunet {

struct Horizon {
  int64_t windows = 0;
  int64_t last_window_bytes = 0;  // 0: the last window is whole
  Workload work;                  // of the whole run
  double text_bytes = 0;          // up to 3 too many when the last window is cut (UTF-8 borders)
  bool extrapolated = false;      // mean window x windows: the corpus would repeat far too often
};

/// The horizon whose FLOPs (of `model`, by `convention`) come closest to `flops`. Whole windows where that is
/// within `precise` (relative); else the last window is cut at the byte that comes closest (where the data
/// can be cut). A horizon of more than `max_epochs` passes over the corpus is extrapolated, not read window
/// by window.
Horizon horizon_for_flops(const ModelConfig& model, WindowSums& sums, Convention convention, double flops,
                          double precise, double max_epochs);

/// The fewest windows that hold at least `text_bytes` bytes of text, the last one cut to it. More than
/// `max_epochs` passes over the corpus: extrapolated, as above.
Horizon horizon_for_bytes(WindowSums& sums, double text_bytes,
                          double max_epochs = std::numeric_limits<double>::infinity());

/// Exactly these windows.
Horizon horizon_of(WindowSums& sums, int64_t windows, int64_t last_window_bytes);

}  // namespace aunet
