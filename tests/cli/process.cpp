#include "process.h"

#include "core/error.h"
#include "core/file.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

namespace aunet {

Process::Process(const std::vector<std::string>& command, const Environment& environment,
                 const std::string& folder)
    : folder_(folder) {
  make_directories(folder);
  std::vector<std::string> words = command, variables = environment;
  for (char** variable = environ; *variable; ++variable) {
    const std::string name = std::string(*variable).substr(0, std::string(*variable).find('=') + 1);
    const auto replaced = [&](const std::string& other) { return other.starts_with(name); };
    if (std::none_of(environment.begin(), environment.end(), replaced)) variables.emplace_back(*variable);
  }
  std::vector<char*> argv, envp;
  for (std::string& word : words) argv.push_back(word.data());
  for (std::string& variable : variables) envp.push_back(variable.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  const int flags = O_WRONLY | O_CREAT | O_TRUNC;
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, (folder + "/out").c_str(), flags, 0644);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, (folder + "/err").c_str(), flags, 0644);
  const int error = posix_spawn(&pid_, argv[0], &files, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) throw Error(command[0] + ": cannot be started");
}

Process::~Process() {
  if (!running()) return;
  signal(SIGKILL);
  wait();
}

void Process::signal(int number) const { ::kill(pid_, number); }

bool Process::running() {
  if (!ended_) ended_ = waitpid(pid_, &status_, WNOHANG) == pid_;
  return !ended_;
}

Finished Process::wait() {
  if (!ended_) waitpid(pid_, &status_, 0);
  ended_ = true;
  const int code = WIFSIGNALED(status_) ? -WTERMSIG(status_) : WEXITSTATUS(status_);
  return {code, read_file(folder_ + "/out"), read_file(folder_ + "/err")};
}

Finished run(const std::vector<std::string>& command, const Environment& environment,
             const std::string& folder) {
  return Process(command, environment, folder).wait();
}

}  // namespace aunet
