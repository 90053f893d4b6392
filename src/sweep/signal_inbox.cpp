#include "sweep/signal_inbox.h"

#include <pthread.h>

#include <cmath>
#include <ctime>
#include <initializer_list>

namespace aunet {

SignalInbox::SignalInbox() {
  sigemptyset(&watched_);
  sigaddset(&watched_, SIGCHLD);
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
    struct sigaction action = {};
    sigaction(signal, nullptr, &action);
    if (action.sa_handler != SIG_IGN) sigaddset(&watched_, signal);
  }
  pthread_sigmask(SIG_BLOCK, &watched_, &before_);
}

SignalInbox::~SignalInbox() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

int SignalInbox::wait(double seconds) {
  timespec time = {};
  time.tv_sec = static_cast<time_t>(std::floor(seconds));
  time.tv_nsec = static_cast<long>((seconds - std::floor(seconds)) * 1e9);
  const int signal = sigtimedwait(&watched_, nullptr, &time);
  return signal > 0 ? signal : 0;
}

}  // namespace aunet
