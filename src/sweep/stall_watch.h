// Notices a run whose process lives and whose journal stands still.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "config/engine.h"
#include "core/run_dir.h"

namespace aunet {

class StallWatch {
 public:
  explicit StallWatch(const NotifySpec& spec) : spec_(spec) {}
  /// Looks at a living run. What to say, once for every time that its journal has been quiet for longer than
  /// [notify] allows; nullopt otherwise. `now` is the caller's steady clock, seconds: no jump of the wall
  /// clock makes a stall.
  std::optional<std::string> look(const std::string& key, const RunDir& run, double now);
  void forget(const std::string& key) { seen_.erase(key); }

 private:
  struct Seen {
    int64_t size = -1;  // of the journal
    double since = 0;
    bool told = false;
  };
  NotifySpec spec_;
  std::map<std::string, Seen> seen_;
};

}  // namespace aunet
