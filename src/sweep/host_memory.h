// Memory of this machine as a supervisor must see it: what is free for one more run, and whether the kernel
// has been killing.
#pragma once

#include <cstdint>

namespace aunet {

/// Memory of a trainer beside what the planner counts: program, LibTorch, thread pools, a small corpus. 131
/// MB were measured for a model of 13K parameters (2 cores, torch 2.11).
inline constexpr double kProcessBytes = 200e6;

/// Bytes that new processes can take: MemAvailable of /proc/meminfo, and no more than what the limit of our
/// control group (version 2) leaves. 0 when neither can be read.
double available_memory_bytes();

/// Resident bytes of a process (/proc/PID/statm); 0 when it is gone.
double resident_bytes(int64_t pid);

/// Largest resident memory of this process since it was started (VmHWM of /proc/self/status, which does not
/// count what a parent had before exec, as getrusage does); 0 when it cannot be read.
int64_t peak_resident_bytes();

/// Processes that the kernel has killed for memory since boot, in our control group where that counts them,
/// else on the machine. Only differences say anything.
int64_t oom_kills();

}  // namespace aunet
