#include "sweep/stall_watch.h"

#include "core/text.h"
#include "sweep/run_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace aunet {

std::optional<std::string> StallWatch::look(const std::string& key, const RunDir& run, double now) {
  if (spec_.stall_seconds <= 0) return std::nullopt;
  std::error_code ignored;
  const auto bytes = std::filesystem::file_size(run.journal(), ignored);
  const int64_t size = ignored ? 0 : static_cast<int64_t>(bytes);
  Seen& seen = seen_[key];
  if (seen.size != size) {
    seen = {size, now, false};
    return std::nullopt;
  }
  const double quiet = now - seen.since;
  if (seen.told || quiet < spec_.stall_seconds) return std::nullopt;
  const RunState state = read_run_state(run);
  if (quiet < spec_.stall_factor * state.seconds_per_step) return std::nullopt;
  seen.told = true;
  const std::string usual = state.seconds_per_step > 0
                                ? fmt::format(", a step takes {}", human_duration(state.seconds_per_step))
                                : "";
  return fmt::format("nothing new in its journal for {} after step {}{}", human_duration(quiet), state.step,
                     usual);
}

}  // namespace aunet
