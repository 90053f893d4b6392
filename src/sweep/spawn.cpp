#include "sweep/spawn.h"

#include "core/error.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

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
    if (log.empty()) {
      check(posix_spawn_file_actions_adddup2(&actions_, STDERR_FILENO, STDOUT_FILENO), "spawn");
    } else {
      check(posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, log.c_str(),
                                             O_WRONLY | O_CREAT | O_APPEND, 0644),
            log);
      check(posix_spawn_file_actions_adddup2(&actions_, STDOUT_FILENO, STDERR_FILENO), "spawn");
    }
    // A sweep's lock must die with the supervisor, not live on in a descriptor that a trainer inherited.
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
    for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD}) sigaddset(&restored, signal);
    check(posix_spawnattr_init(&attributes_), "spawn");
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setsigmask(&attributes_, &none);  // a supervisor blocks what it waits for
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

std::string name_of(const std::string& variable) { return variable.substr(0, variable.find('=') + 1); }

/// Ours, with `variables` in place of those of the same name.
std::vector<std::string> merged_environment(const std::vector<std::string>& variables) {
  std::vector<std::string> merged = variables;
  for (char** own = environ; *own; ++own) {
    const std::string name = name_of(*own);
    const bool replaced = std::any_of(variables.begin(), variables.end(),
                                      [&](const std::string& v) { return name_of(v) == name; });
    if (!replaced) merged.emplace_back(*own);
  }
  return merged;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

pid_t spawn(const std::vector<std::string>& words, const std::vector<std::string>& variables,
            const std::string& log) {
  require(!words.empty(), "spawn: no program");
  const SpawnActions actions(log);
  const SpawnAttributes attributes;
  std::vector<std::string> arguments = words, environment = merged_environment(variables);
  pid_t pid = 0;
  check(posix_spawn(&pid, words[0].c_str(), actions.get(), attributes.get(), pointers(arguments).data(),
                    pointers(environment).data()),
        words[0]);
  return pid;
}

}  // namespace aunet
