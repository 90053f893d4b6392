#include "sweep/notifier.h"

#include "core/log.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>
#include <utility>

#include "sweep/spawn.h"

namespace aunet {

namespace {

constexpr double kPatienceSeconds = 60, kLastPatienceSeconds = 10;

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Notifier::Notifier(std::string command, std::string sweep)
    : command_(std::move(command)), sweep_(std::move(sweep)) {}

Notifier::~Notifier() {
  const double began = now_seconds();
  while (!running_.empty() && now_seconds() - began < kLastPatienceSeconds) {
    reap();
    if (!running_.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  for (const Running& running : running_)
    log_warn(fmt::format("notify: the command for '{}' still runs; not waited for", running.event));
}

void Notifier::tell(const std::string& event, const std::string& key, const std::string& message) {
  if (command_.empty()) return;
  const std::vector<std::string> variables = {"AUNET_EVENT=" + event, "AUNET_SWEEP=" + sweep_,
                                              "AUNET_KEY=" + key, "AUNET_MESSAGE=" + message};
  try {
    running_.push_back({spawn({"/bin/sh", "-c", command_}, variables, ""), event, now_seconds()});
  } catch (const std::exception& error) {
    log_warn(fmt::format("notify: {}", error.what()));
  }
}

/// False when it has ended.
bool Notifier::look_at(const Running& running) const {
  int status = 0;
  const pid_t pid = ::waitpid(running.pid, &status, WNOHANG);
  if (pid == 0) {
    if (now_seconds() - running.started > kPatienceSeconds) ::kill(-running.pid, SIGKILL);
    return true;
  }
  if (pid > 0 && WIFSIGNALED(status))
    log_warn(
        fmt::format("notify: the command for '{}' was killed by signal {}", running.event, WTERMSIG(status)));
  if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) != 0)
    log_warn(fmt::format("notify: the command for '{}' ended with {}", running.event, WEXITSTATUS(status)));
  return false;
}

void Notifier::reap() {
  std::erase_if(running_, [this](const Running& running) { return !look_at(running); });
}

}  // namespace aunet
