#include "sweep/launcher.h"

#include "core/error.h"
#include "core/file.h"
#include "core/journal.h"
#include "core/machine.h"
#include "core/text.h"
#include "sweep/host_memory.h"
#include "sweep/spawn.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>
#include <variant>
#include <vector>

namespace aunet {

namespace {

const std::string kVisibleDevices = "CUDA_VISIBLE_DEVICES=";

/// /proc/PID/cmdline or environ, split; [] for a process that is gone or not ours.
std::vector<std::string> process_words(int64_t pid, const char* file) {
  try {
    return split_on(read_file(fmt::format("/proc/{}/{}", pid, file)), '\0');
  } catch (const Error&) {
    return {};
  }
}

/// Whether the process's command line names the run: a process id alone may have been given to somebody else
/// since.
bool names_run(int64_t pid, const RunDir& run) {
  const std::string key = std::filesystem::path(run.path).filename();
  const std::vector<std::string> words = process_words(pid, "cmdline");
  return std::any_of(words.begin(), words.end(),
                     [&](const std::string& word) { return std::filesystem::path(word).filename() == key; });
}

/// The newest attempt record of a journal, looked for from its end: the steps behind it may be a million.
std::optional<AttemptRecord> last_attempt(const std::string& path) {
  constexpr std::streamoff kBlock = 1 << 16;
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  std::streamoff end = in ? static_cast<std::streamoff>(in.tellg()) : 0;
  std::string rest;  // the beginning of a line whose head is in an earlier block
  while (end > 0) {
    std::string text(static_cast<size_t>(std::min(end, kBlock)), '\0');
    end -= static_cast<std::streamoff>(text.size());
    in.seekg(end);
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    const std::vector<std::string> lines = split_on(text + rest, '\n');
    const size_t first = end > 0 ? 1 : 0;
    for (size_t i = lines.size(); i-- > first;) {
      if (lines[i].find("\"attempt\"", lines[i].find("\"type\"")) == std::string::npos) continue;
      const auto record = parse_journal_line(lines[i]);
      if (record && std::holds_alternative<AttemptRecord>(*record)) return std::get<AttemptRecord>(*record);
    }
    rest = lines.front();
  }
  return std::nullopt;
}

class LocalLauncher : public Launcher {
 public:
  explicit LocalLauncher(std::string trainer) : trainer_(std::move(trainer)) {}

  int64_t start(const RunDir& run, const Placement& placement) override {
    std::vector<std::string> variables;
    if (!placement.gpu.empty()) variables.push_back(kVisibleDevices + placement.gpu);
    return spawn({trainer_, "train-run", run.path}, variables, run.log());
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

  Placement placement_of(int64_t handle) override {
    for (const std::string& variable : process_words(handle, "environ"))
      if (variable.starts_with(kVisibleDevices)) return {variable.substr(kVisibleDevices.size())};
    return {};
  }

  double memory_bytes(int64_t handle) override { return resident_bytes(handle); }

 private:
  std::string trainer_;
};

}  // namespace

std::string to_string(const ProcessEnd& end) {
  if (end.signal == 0) return fmt::format("exit {}", end.code);
  const char* name = sigabbrev_np(end.signal);
  return name ? fmt::format("killed by SIG{}", name) : fmt::format("killed by signal {}", end.signal);
}

int64_t last_attempt_pid(const RunDir& run) {
  const std::optional<AttemptRecord> attempt = last_attempt(run.journal());
  const bool ours = attempt && (attempt->host.empty() || attempt->host == host_name());
  return ours ? attempt->pid : 0;
}

std::unique_ptr<Launcher> make_local_launcher(std::string trainer) {
  return std::make_unique<LocalLauncher>(std::move(trainer));
}

}  // namespace aunet
