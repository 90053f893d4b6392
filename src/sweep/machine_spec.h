// "--on": the machine that a plan is priced for.
#pragma once

#include <cstdint>
#include <string>

namespace aunet {

struct MachineSpec {
  std::string words;    // as given: "h100:8"
  std::string profile;  // sweep/device_profile.h: "cpu", "h100", "h200"
  int64_t devices = 1;  // GPUs, or cores; 0: as many as are asked for (a Slurm profile without at_once)
  int64_t devices_per_run = 0;  // GPUs, or cores, that a run takes; 0: a GPU, or a core per thread
  double limit_seconds = 0;     // of one job, a cluster's; 0: none
};

/// "h100:8", "h200:1", "cpu:2" (cores), "slurm:PROFILE" (config/slurm_profile.h; one with GPUs is taken for
/// H100s: the profile does not say which). Throws ConfigError for other words; errors as read_slurm_profile.
MachineSpec parse_machine(const std::string& words);

/// Runs at a time when each has `threads` threads; 0: all.
int64_t slots_of(const MachineSpec& machine, int64_t threads);
/// Devices (GPUs, or cores) that a run of `threads` threads takes.
int64_t devices_of_run(const MachineSpec& machine, int64_t threads);

}  // namespace aunet
