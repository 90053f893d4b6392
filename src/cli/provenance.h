// Where a number came from: code, machine, process. Recorded with every attempt; never part of a key.
#pragma once

#include <string>

#include "core/journal.h"

namespace aunet {

/// host, device, pid, threads, start time, code version, torch and library versions, command line, GPUs and
/// their driver, and the environment that matters (core/machine.h) of this process.
/// device   "cpu: Intel(R) Xeon(R) ... x2 threads" from /proc/cpuinfo, or "cuda: NVIDIA H100 80GB HBM3"
/// commit   of the tree the binary was built from; dirty_diff_hash: of its uncommitted changes, "" when clean
AttemptRecord describe_attempt(int64_t attempt, const std::string& device, int64_t threads);

/// Wall seconds since this process was created (10 ms resolution: /proc/self/stat).
double seconds_since_exec();

}  // namespace aunet
