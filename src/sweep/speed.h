// How long a run will take: from the speed of runs that were measured here, else from a stated assumption.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/run_dir.h"
#include "sweep/plan.h"

namespace aunet {

struct TimeEstimate {
  double seconds = 0;
  std::string source;  // in words, for people and for `seconds.source`
};

/// Assumed when nothing was measured: one thread of a recent x86 core on models of this size, fp32. Our own
/// measurement of small models (d 32 to 256) lies between 5 and 20 GFLOP/s; a plan corrects itself with the
/// first finished run.
inline constexpr double kAssumedFlopsPerThread = 10e9;
/// Assumed share of a GPU's dense bf16 peak (budget/flops.h) that training uses.
inline constexpr double kAssumedMfu = 0.4;

class SpeedBook {
 public:
  /// Speeds of the runs in RUNS that have steps (at most `max_runs` of them). Unreadable runs are passed
  /// over.
  explicit SpeedBook(const RunsRoot& runs, int64_t max_runs = 500);

  /// Plans for a machine instead: "h100:8", "h200:1", "cpu:2". Throws ConfigError for other words.
  void assume_machine(const std::string& machine);

  /// Useful FLOPs of the cell (those that its run tree does not spare it) over the speed of the measured run
  /// of the same kind of model and device whose FLOPs are nearest (by ratio); else over the assumed speed.
  /// Start-up, evaluation and checkpoints are not counted.
  TimeEstimate estimate(const Cell& cell) const;

  /// Median useful FLOP/s of the runs of each family, by name.
  std::map<std::string, double> family_rates() const;

 private:
  struct Measured {
    std::string key, family, kind, device;
    double flops = 0, flops_per_second = 0;
  };
  std::vector<Measured> measured_;
  std::string machine_;
  double machine_flops_per_second_ = 0;  // 0: this machine
};

}  // namespace aunet
