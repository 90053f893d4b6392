#include "sweep/plan_cost.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <queue>
#include <tuple>

namespace aunet {

namespace {

constexpr double kBytesPerParameter = 12;     // fp32 weight and two moments of AdamW
constexpr double kBytesPerJournalStep = 400;  // a step record is about 350 bytes

double checkpoint_bytes(const Cell& cell) {
  return kBytesPerParameter * static_cast<double>(cell.params.total);
}

/// Moments at which slots become free, the earliest first.
class SlotClock {
 public:
  explicit SlotClock(size_t slots) {
    for (size_t i = 0; i < slots; ++i) free_.push(0);
  }
  /// Puts a run of `seconds` that may not begin before `ready`; returns its end.
  double run(double seconds, double ready) {
    const double begin = std::max(free_.top(), ready);
    free_.pop();
    free_.push(begin + seconds);
    return begin + seconds;
  }

 private:
  std::priority_queue<double, std::vector<double>, std::greater<>> free_;
};

}  // namespace

double makespan_seconds(const std::vector<PricedRun>& runs, int64_t slots) {
  if (runs.empty()) return 0;
  const size_t n = slots > 0 ? std::min(static_cast<size_t>(slots), runs.size()) : runs.size();
  SlotClock clock(n);
  std::map<std::string, double> ends;  // by key
  double latest = 0, trials_end = 0;
  // A parent is shorter than its branches in all, so ancestors are counted: depth first, then length.
  std::vector<const PricedRun*> order;
  for (const PricedRun& run : runs) order.push_back(&run);
  const auto rank = [](const PricedRun* run) {
    return std::tuple(run->cell->role == CellRole::Tune ? 0 : 1, run->cell->ancestors.size(),
                      -run->time.seconds);
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](const PricedRun* a, const PricedRun* b) { return rank(a) < rank(b); });
  for (const PricedRun* run : order) {
    const bool trial = run->cell->role == CellRole::Tune;
    double ready = trial ? 0 : trials_end;
    if (!run->cell->ancestors.empty()) {
      const auto parent = ends.find(run->cell->ancestors.front().key);
      if (parent != ends.end()) ready = std::max(ready, parent->second);
    }
    const double end = clock.run(run->time.seconds, ready);
    if (!run->cell->key.empty()) ends[run->cell->key] = end;
    latest = std::max(latest, end);
    if (trial) trials_end = std::max(trials_end, end);
  }
  return latest;
}

double disk_bytes_left(const Cell& cell) {
  const bool pins = cell.run.runtime.checkpoint_pin > 0;
  return static_cast<double>(cell.run.runtime.checkpoint_keep + pins) * checkpoint_bytes(cell) +
         kBytesPerJournalStep * static_cast<double>(cell.incremental_steps());
}

double disk_bytes(const Cell& cell) { return disk_bytes_left(cell) + checkpoint_bytes(cell); }

PlanCost plan_cost(const std::vector<PricedRun>& runs, int64_t slots, int64_t devices_per_run) {
  PlanCost cost;
  std::vector<double> in_training;  // what a run has more on the disk while it trains
  for (const PricedRun& run : runs) {
    cost.seconds += run.time.seconds;
    cost.error_seconds += run.time.seconds * run.time.error;
    cost.disk_peak_bytes += disk_bytes_left(*run.cell);
    in_training.push_back(disk_bytes(*run.cell) - disk_bytes_left(*run.cell));
  }
  std::sort(in_training.rbegin(), in_training.rend());
  const size_t n = slots > 0 ? std::min(static_cast<size_t>(slots), runs.size()) : runs.size();
  for (size_t i = 0; i < n; ++i) cost.disk_peak_bytes += in_training[i];
  cost.makespan = makespan_seconds(runs, slots);
  cost.device_hours = cost.seconds / 3600 * static_cast<double>(devices_per_run);
  return cost;
}

}  // namespace aunet
