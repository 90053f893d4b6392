// The places that runs of a sweep are put in: so many at a time, on this machine's cores or on its GPUs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sweep/launcher.h"

namespace aunet {

class Slots {
 public:
  /// `jobs` places without a GPU of their own; or, when `gpus` are named, `per_gpu` places on each.
  Slots(int64_t jobs, std::vector<std::string> gpus, int64_t per_gpu);

  int64_t size() const;
  /// The place for the next run beside those at `taken`: on the GPU with the fewest. nullopt when all are
  /// full. A run whose place is not known (an adopted one) takes one anywhere.
  std::optional<Placement> next(const std::vector<Placement>& taken) const;

 private:
  int64_t jobs_;
  std::vector<std::string> gpus_;
  int64_t per_gpu_;
};

/// "0,1,2" as a list. Throws ConfigError naming `flag` for an empty or repeated entry.
std::vector<std::string> parse_gpus(const std::string& flag, const std::string& text);

/// GPUs of this machine that our process may use, as CUDA_VISIBLE_DEVICES names them: that variable's, else
/// one for each of the driver's (/proc/driver/nvidia/gpus). [] without a driver.
std::vector<std::string> visible_gpus();

}  // namespace aunet
