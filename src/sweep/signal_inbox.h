// Signals as values instead of handlers: while an inbox lives they are blocked and wait to be read.
#pragma once

#include <csignal>

namespace aunet {

/// Collects SIGINT, SIGTERM, SIGHUP, SIGUSR1 (unless they were ignored at start: nohup, background shells)
/// and SIGCHLD.
class SignalInbox {
 public:
  SignalInbox();
  ~SignalInbox();  ///< restores the mask
  SignalInbox(const SignalInbox&) = delete;
  SignalInbox& operator=(const SignalInbox&) = delete;
  /// Waits at most `seconds`; the signal's number, or 0.
  int wait(double seconds);

 private:
  sigset_t watched_, before_;
};

}  // namespace aunet
