#include "train/schedule.h"

#include "core/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace aunet {

int64_t warmup_steps(const ScheduleConfig& schedule, int64_t n_steps) {
  if (schedule.warmup <= 0) return 0;
  const int64_t rounded = std::llround(schedule.warmup * static_cast<double>(n_steps));
  return std::clamp<int64_t>(rounded, 1, n_steps);
}

double rate_factor(const ScheduleConfig& schedule, int64_t step, int64_t n_steps) {
  require(schedule.kind == "cosine", fmt::format("rate_factor: schedule '{}'", schedule.kind));
  require(step >= 1 && step <= n_steps, fmt::format("rate_factor: step {} of {}", step, n_steps));
  const int64_t warmup = warmup_steps(schedule, n_steps);
  if (step <= warmup) return static_cast<double>(step) / static_cast<double>(warmup);
  const double progress = static_cast<double>(step - warmup) / static_cast<double>(n_steps - warmup);
  return schedule.floor + (1 - schedule.floor) * 0.5 * (1 + std::cos(std::numbers::pi * progress));
}

}  // namespace aunet
