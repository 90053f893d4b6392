#include "sweep/launcher.h"

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace aunet {

namespace {

// posix_spawn returns its error instead of setting errno.
void check(int error, const std::string& where) {
  if (error != 0) throw Error(fmt::format("{}: {}", where, std::strerror(error)));
}

class SpawnActions {
 public:
  explicit SpawnActions(const std::string& log) {
    check(posix_spawn_file_actions_init(&actions_), "spawn");
    check(posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0), "spawn");
    check(posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, log.c_str(),
                                           O_WRONLY | O_CREAT | O_APPEND, 0644),
          log);
    check(posix_spawn_file_actions_adddup2(&actions_, STDOUT_FILENO, STDERR_FILENO), "spawn");
    // The sweep's lock must die with the supervisor, not live on in a descriptor that a trainer inherited.
    check(posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1), "spawn");
  }
  ~SpawnActions() { posix_spawn_file_actions_destroy(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

class SpawnAttributes {
 public:
  SpawnAttributes() {
    sigset_t none, restored;
    sigemptyset(&none);
    sigemptyset(&restored);
    for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&restored, signal);
    check(posix_spawnattr_init(&attributes_), "spawn");
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setsigmask(&attributes_, &none);  // the supervisor blocks what it waits for
    posix_spawnattr_setsigdefault(&attributes_, &restored);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnAttributes() { posix_spawnattr_destroy(&attributes_); }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

/// Whether the process's command line names the run: a process id alone may have been given to somebody else
/// since.
bool names_run(int64_t pid, const RunDir& run) {
  std::string line;
  try {
    line = read_file(fmt::format("/proc/{}/cmdline", pid));
  } catch (const Error&) {  // no such process
    return false;
  }
  const std::string key = std::filesystem::path(run.path).filename();
  for (const std::string& argument : split_on(line, '\0')) {
    if (std::filesystem::path(argument).filename() == key) return true;
  }
  return false;
}

class LocalLauncher : public Launcher {
 public:
  explicit LocalLauncher(std::string trainer) : trainer_(std::move(trainer)) {}

  int64_t start(const RunDir& run) override {
    const SpawnActions actions(run.log());
    const SpawnAttributes attributes;
    std::string verb = "train-run", directory = run.path;
    char* const argv[] = {trainer_.data(), verb.data(), directory.data(), nullptr};
    pid_t pid = 0;
    check(posix_spawn(&pid, trainer_.c_str(), actions.get(), attributes.get(), argv, environ), trainer_);
    return pid;
  }

  std::optional<ProcessEnd> poll(int64_t handle) override {
    int status = 0;
    const pid_t pid = waitpid(static_cast<pid_t>(handle), &status, WNOHANG);
    if (pid == 0 || (pid < 0 && errno == EINTR)) return std::nullopt;
    if (pid < 0) throw Error(fmt::format("process {}: {}", handle, std::strerror(errno)));
    if (WIFSIGNALED(status)) return ProcessEnd{-1, WTERMSIG(status)};
    return ProcessEnd{WEXITSTATUS(status), 0};
  }

  // The group: a trainer may have helpers. A process that has ended meanwhile is no error.
  bool ask_to_stop(int64_t handle) override { return ::kill(static_cast<pid_t>(-handle), SIGTERM) == 0; }
  void kill(int64_t handle) override { ::kill(static_cast<pid_t>(-handle), SIGKILL); }

  std::optional<int64_t> find(const RunDir& run, int64_t journal_pid) override {
    if (journal_pid <= 0 || !names_run(journal_pid, run)) return std::nullopt;
    return journal_pid;
  }

 private:
  std::string trainer_;
};

}  // namespace

std::string to_string(const ProcessEnd& end) {
  if (end.signal == 0) return fmt::format("exit {}", end.code);
  const char* name = sigabbrev_np(end.signal);
  return name ? fmt::format("killed by SIG{}", name) : fmt::format("killed by signal {}", end.signal);
}

std::unique_ptr<Launcher> make_local_launcher(std::string trainer) {
  return std::make_unique<LocalLauncher>(std::move(trainer));
}

}  // namespace aunet
