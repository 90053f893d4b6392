#include "config/read_engine.h"

#include <utility>

namespace aunet {

RetrySpec read_retry(const Table& root) {
  RetrySpec spec;
  const Table t = root.table("retry", {"preempted", "timeout", "oom", "nan", "crash"});
  for (auto [key, value] : {std::pair{"preempted", &spec.preempted},
                            {"timeout", &spec.timeout},
                            {"oom", &spec.oom},
                            {"nan", &spec.nan},
                            {"crash", &spec.crash}})
    t.read(key, *value, within(0, 1000));
  return spec;
}

NotifySpec read_notify(const Table& root) {
  NotifySpec spec;
  const Table t = root.table("notify", {"command", "stall_after", "stall_factor"});
  t.read("command", spec.command);
  t.read_duration("stall_after", spec.stall_seconds);
  t.read("stall_factor", spec.stall_factor, above(0));
  return spec;
}

}  // namespace aunet
