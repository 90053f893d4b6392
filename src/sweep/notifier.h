// [notify] command: tells somebody that a run failed or stalled, or that the sweep has ended.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace aunet {

/// Runs `/bin/sh -c COMMAND` for every event, without waiting for it, with AUNET_EVENT (failure, stall,
/// finish), AUNET_SWEEP, AUNET_KEY (empty for finish) and AUNET_MESSAGE (one line) in its environment and its
/// output on our stderr. A command that fails, cannot be started, or takes longer than a minute (it is
/// killed) is a warning, never an error.
class Notifier {
 public:
  Notifier(std::string command, std::string sweep);
  ~Notifier();  ///< waits at most ten seconds for commands that still run, and leaves them alone then
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;
  void tell(const std::string& event, const std::string& key, const std::string& message);
  void reap();  ///< looks after the commands; call now and then

 private:
  struct Running {
    pid_t pid = 0;
    std::string event;
    double started = 0;
  };
  bool look_at(const Running& running) const;

  std::string command_, sweep_;
  std::vector<Running> running_;
};

}  // namespace aunet
