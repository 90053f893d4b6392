// What runs of this place took: a table that every finished run adds a row to, derived from the journals.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/run_dir.h"
#include "sweep/device_profile.h"

namespace aunet {

/// One run that was measured. Lines of RUNS/cache/calibration.jsonl.
struct CalibrationRow {
  std::string key{}, family{}, kind{};
  std::string device{};    // "cpu" | "cuda"
  std::string hardware{};  // in words, of its attempt
  int64_t threads = 1;
  double units_per_step = 0;
  StepWork work{};                        // of one step
  double step_seconds = 0;                // mean of a step, as the wall clock had it
  double evaluation_seconds = 0;          // after the last step: held-out text, [[eval]]s, gates
  std::optional<double> start_seconds{};  // from exec to the first step; journals of earlier releases: none
  std::optional<double> peak_bytes{};     // host memory, likewise
  double model_bytes = 0;                 // budget/memory.h, with nominal rows
};

/// From the two ends of a journal (the means of a long run are those of its first and last steps where the
/// end record does not say how long it took). nullopt for a run without a dozen steps, or of a device without
/// a profile. Throws as read_run_config, Error when the journal cannot be read.
std::optional<CalibrationRow> measure_run(const RunDir& run);

/// The table with rows for runs that have finished since it was written, at most `max_new` of them; written
/// back when it has changed and can be (a folder that is read-only keeps the old one). A damaged table is
/// made anew. Unfinished runs are measured too, but not kept.
std::vector<CalibrationRow> refresh_calibration(const RunsRoot& runs, int64_t max_new = 300);

}  // namespace aunet
