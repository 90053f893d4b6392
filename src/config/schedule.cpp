#include "config/schedule.h"

#include "core/error.h"
#include "core/hash.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace aunet {

int64_t total_steps(const HorizonConfig& horizon) {
  require(horizon.batch_windows > 0, "total_steps: batch_windows is not positive");
  return (horizon.windows + horizon.batch_windows - 1) / horizon.batch_windows;
}

int64_t warmup_steps(const ScheduleConfig& schedule, int64_t n_steps) {
  if (schedule.warmup_steps >= 0) return schedule.warmup_steps;
  if (schedule.warmup <= 0) return 0;
  const int64_t rounded = std::llround(schedule.warmup * static_cast<double>(n_steps));
  return std::clamp<int64_t>(rounded, 1, n_steps);
}

int64_t stable_steps(const ScheduleConfig& schedule, int64_t n_steps) {
  if (schedule.kind != "wsd") return 0;
  const int64_t decay = std::max<int64_t>(1, std::llround(schedule.decay * static_cast<double>(n_steps)));
  return std::max(n_steps - decay, std::min(warmup_steps(schedule, n_steps), n_steps));
}

double rate_factor(const ScheduleConfig& schedule, int64_t step, int64_t n_steps) {
  require(schedule.kind == "cosine" || schedule.kind == "wsd",
          fmt::format("rate_factor: schedule '{}'", schedule.kind));
  require(step >= 1 && step <= n_steps, fmt::format("rate_factor: step {} of {}", step, n_steps));
  const int64_t warmup = warmup_steps(schedule, n_steps);
  if (step <= warmup) return static_cast<double>(step) / static_cast<double>(warmup);
  const int64_t begin = schedule.kind == "wsd" ? stable_steps(schedule, n_steps) : warmup;
  if (step <= begin) return 1;
  const double progress = static_cast<double>(step - begin) / static_cast<double>(n_steps - begin);
  const double share =
      schedule.kind == "wsd" ? 1 - std::sqrt(progress) : 0.5 * (1 + std::cos(std::numbers::pi * progress));
  return schedule.floor + (1 - schedule.floor) * share;
}

std::string trunk_key(const RunConfig& run) {
  if (run.schedule.kind != "wsd" || run.schedule.warmup_steps < 0) return "";
  RunConfig trunk = run;
  trunk.horizon.windows = 0;
  trunk.horizon.last_window_bytes = 0;
  trunk.schedule.decay = 0;
  trunk.schedule.floor = 0;
  return hash_hex(canonical(trunk)).substr(0, 16);
}

int64_t branch_step(const RunConfig& run) {
  if (run.schedule.kind != "wsd" || run.schedule.warmup_steps < 0) return 0;
  const int64_t n_steps = total_steps(run.horizon);
  return std::min(stable_steps(run.schedule, n_steps), n_steps - 1);
}

int64_t shared_steps(const RunConfig& a, const RunConfig& b) {
  const std::string trunk = trunk_key(a);
  return trunk.empty() || trunk != trunk_key(b) ? 0 : std::min(branch_step(a), branch_step(b));
}

}  // namespace aunet
