// One supervisor a sweep: RUNS/plans/NAME.lock, and who holds it.
#pragma once

#include <cstdint>
#include <string>

#include "core/file.h"
#include "core/run_dir.h"

namespace aunet {

struct SweepHolder {
  int64_t pid = 0;
  std::string host;
};

/// Held for the object's life. Throws Error, naming the holder, when another one has it.
class SweepLock {
 public:
  SweepLock(const RunsRoot& runs, const std::string& sweep);

 private:
  FileLock lock_;
};

/// Who works on the sweep as the lock file says; pid 0 when nobody holds it.
SweepHolder holder_of_sweep(const RunsRoot& runs, const std::string& sweep);

}  // namespace aunet
