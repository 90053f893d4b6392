// How long a run will take and how much memory: shipped device profiles, corrected by the runs measured here.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/run_dir.h"
#include "sweep/calibration.h"
#include "sweep/machine_spec.h"
#include "sweep/plan.h"

namespace aunet {

struct TimeEstimate {
  double seconds = 0;    // of the process: start, steps, evaluations
  std::string source{};  // in words, for people and for `seconds.source`
  double error = 0;      // one standard deviation, relative; 0: not known
};

struct MemoryEstimateOfRun {
  double bytes = 0;  // largest resident memory of the process; on a GPU, memory of the device
  std::string source{};
  double error = 0;  // relative, as above
};

class SpeedBook {
 public:
  /// The calibration table of RUNS, refreshed (at most `max_runs` new runs are measured).
  explicit SpeedBook(const RunsRoot& runs, int64_t max_runs = 300);

  /// Plans for another machine: see parse_machine(). Throws ConfigError for words that it does not know.
  void assume_machine(const std::string& machine);
  /// Of assume_machine(); nullopt: this one.
  const std::optional<MachineSpec>& machine() const { return machine_; }

  /// Time of the part of a cell that its run tree does not spare it. The profile's time of a step times the
  /// median of measured over predicted, over runs of the same kind of model and device; the closer their
  /// steps are in size, the more they count. Without such a run: the profile alone.
  TimeEstimate estimate(const Cell& cell) const;

  /// Memory of the whole process: profile's process, texts of the corpus, weights, gradients, moments,
  /// activations; corrected by measured peaks in the same way. Not what several runs share (libraries).
  MemoryEstimateOfRun estimate_memory(const Cell& cell) const;

  /// Median useful FLOP/s of the runs of each family, by name.
  std::map<std::string, double> family_rates() const;

 private:
  std::vector<CalibrationRow> measured_;
  std::optional<MachineSpec> machine_;

  std::string profile_name(const Cell& cell) const;
  std::vector<const CalibrationRow*> like(const Cell& cell) const;
};

}  // namespace aunet
