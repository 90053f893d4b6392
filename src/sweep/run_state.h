// What a run directory says about its run right now, from the end of its journal: ten thousand runs in a
// second. The whole story of a run is core/journal.h: read_journal and summarize.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/journal.h"
#include "core/run_dir.h"

namespace aunet {

struct RunState {
  /// new: no attempt yet; running: a living process holds the run's lock; interrupted: begun, and nobody
  /// works on it (also after a kill, which leaves no end record); done | failed | stopped: as its last
  /// attempt ended.
  std::string status = "new";
  std::string end_status;             // of the last attempt's end record, whoever works now; "": it left none
  std::string cause, message;         // of that record, core/journal.h: EndRecord
  int64_t attempt = 0, step = 0;      // of the last attempt
  std::optional<StepRecord> last;     // last step that counts
  std::optional<double> heldout_bpb;  // of the last held-out evaluation
  std::string gate_verdict;           // of the last causality gate, "" when out of reach
  double bytes_per_second = 0;        // text bytes, over the last few steps; 0: unknown
  double flops_per_second = 0;        // useful, likewise
  double seconds_per_step = 0;        // likewise
};

/// Reads the last few kilobytes of the journal (more when they hold no step). A torn last line is not seen.
/// Throws Error when the journal exists and cannot be read.
RunState read_run_state(const RunDir& run);

/// nan, diverged, gate: the same run would fail in the same way again. Not config: a changed corpus, other
/// threads or another machine can be put right, and the checkpoints are still good.
bool is_deterministic(const std::string& cause);

/// A finished run's held-out bits per byte; +inf for a run whose loss left the numbers (nan, diverged); else
/// nullopt.
std::optional<double> loss_of(const RunState& state);

/// The word `aunet plan` prints: new, done, running, failed, or stale (begun, unfinished, nobody works on
/// it).
std::string plan_word(const RunState& state);

}  // namespace aunet
