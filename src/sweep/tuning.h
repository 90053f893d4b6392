// The tuning rule (DESIGN section 4): geometric steps of 2 in rate and batch until the best point is interior
// on every tuned axis, the same for each family, at most max_trials.
#pragma once

#include <cstdint>
#include <vector>

#include "sweep/plan.h"

namespace aunet {

/// A trial as steps of 2 from the start: rate = start * 2^lr_steps, batch = start * 2^batch_steps.
struct Trial {
  int lr_steps = 0, batch_steps = 0;
  bool operator==(const Trial&) const = default;
};

struct TuningState {
  std::vector<Trial> next;  // trials to run now (may run in parallel); empty when finished
  Trial best;               // of the finished ones
  bool interior = false;    // best has finished, worse neighbours on both sides of every tuned axis
};

/// Pure function of the finished trials. The start first; then the best point's missing neighbours on each
/// axis; when the best moves, its neighbours; until interior or max_trials. While every trial has diverged,
/// the only next one is the best's lower rate (where rates are tuned).
///
/// `pad_to` > 0 asks for further trials (diagonal neighbours of the best, then next steps out) until that
/// many ran: families must end with equal effort. `min_batch_steps` <= 0 is the last step at which the batch
/// holds a window; a best point there ends the search and is not interior.
///
/// Ties go to the smaller batch, then the smaller rate; between diverged trials (NaN or inf) to the smaller
/// rate.
TuningState next_trials(const std::vector<Trial>& done, const std::vector<double>& loss_bpb, bool tune_lr,
                        bool tune_batch, int64_t max_trials, int64_t pad_to, int min_batch_steps);

}  // namespace aunet
