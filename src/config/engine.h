// What a sweep file says about its own running: [retry] and [notify]. Nothing here changes a run or its key.
#pragma once

#include <cstdint>
#include <string>

namespace aunet {

/// [retry]: how many times in a row a run is started again after an end of each cause. A start that adds a
/// checkpoint begins the count anew, but for `nan`, where progress says nothing. The numbers are ours: what
/// the world did (preempted, timeout) is worth more tries than what the run did itself; a run that leaves the
/// numbers is bitwise reproducible and would do so again.
struct RetrySpec {
  int64_t preempted = 3;  // killed or asked to stop, not by us
  int64_t timeout = 3;    // at a time limit
  int64_t oom = 1;        // out of memory: a neighbour may have had it
  int64_t nan = 0;        // loss not finite, or diverged
  int64_t crash = 1;      // an exception, a bad memory access, a failing disk
};

/// [notify]
struct NotifySpec {
  std::string command;         // for /bin/sh; "": nobody is told
  double stall_seconds = 600;  // a run is stalled when its journal has been quiet for the longer of this and
  double stall_factor = 20;    // so many of its usual steps; 0 seconds: never
};

}  // namespace aunet
