#include "sweep/command_launcher.h"

#include "config/run_config.h"
#include "core/error.h"
#include "core/text.h"
#include "sweep/slurm.h"
#include "sweep/spawn.h"
#include "sweep/stop_request.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <utility>

namespace aunet {

namespace {

/// Processes are children of ours, as the local launcher's; only the words and the way to stop them differ.
class CommandLauncher : public Launcher {
 public:
  CommandLauncher(std::string command_template, std::string program)
      : template_(std::move(command_template)),
        program_(std::move(program)),
        local_(make_local_launcher("")) {}

  int64_t start(const RunDir& run, const Placement& placement) override {
    const int64_t threads = read_run_config(run.run_toml()).runtime.threads;
    const std::string text = expand_template(template_, program_, run, threads, placement.gpu);
    withdraw_stop(run.stop());
    const int64_t handle = spawn({"/bin/sh", "-c", text}, {}, run.log());
    runs_[handle] = run;
    return handle;
  }

  std::optional<ProcessEnd> poll(int64_t handle) override { return local_->poll(handle); }

  bool ask_to_stop(int64_t handle) override {
    const auto found = runs_.find(handle);
    if (found == runs_.end()) return false;
    aunet::ask_to_stop(found->second.stop());
    return true;
  }

  void kill(int64_t handle) override {
    if (handle > 0) local_->kill(handle);
  }

  // Its process may be on another machine; its stop file reaches it there.
  std::optional<int64_t> find(const RunDir& run, int64_t) override {
    runs_[--last_adopted_] = run;
    return last_adopted_;
  }

 private:
  std::string template_, program_;
  std::unique_ptr<Launcher> local_;  // waits and kills
  std::map<int64_t, RunDir> runs_;   // by handle; negative ones of runs that an earlier call started
  int64_t last_adopted_ = 0;
};

}  // namespace

std::string expand_template(const std::string& command_template, const std::string& program,
                            const RunDir& run, int64_t threads, const std::string& gpu) {
  const std::filesystem::path path = std::filesystem::absolute(run.path).lexically_normal();
  const std::map<std::string, std::string> words = {
      {"command", fmt::format("{} work {} --once", shell_quoted(program), shell_quoted(path.string()))},
      {"key", path.filename().string()},
      {"dir", path.string()},
      {"threads", fmt::format("{}", threads)},
      {"gpu", gpu}};
  std::string result;
  for (size_t at = 0; at < command_template.size();) {
    const size_t open = command_template.find('{', at);
    const size_t close = open == std::string::npos ? open : command_template.find('}', open);
    if (close == std::string::npos) {
      result += command_template.substr(at);
      break;
    }
    const std::string name = command_template.substr(open + 1, close - open - 1);
    const auto word = words.find(name);
    if (word == words.end())
      throw ConfigError(fmt::format(
          "--launcher: expected {{command}}, {{key}}, {{dir}}, {{threads}} or {{gpu}}, got '{{{}}}'", name));
    result += command_template.substr(at, open - at) + word->second;
    at = close + 1;
  }
  return result;
}

std::unique_ptr<Launcher> make_command_launcher(const std::string& command_template,
                                                const std::string& program) {
  if (command_template.find("{command}") == std::string::npos)
    throw ConfigError(
        fmt::format("--launcher: expected command:TEMPLATE with {{command}} in it, like 'command:ssh host "
                    "{{command}}', got 'command:{}'",
                    command_template));
  expand_template(command_template, program, {"/"}, 1, "");  // its words are checked before any run starts
  return std::make_unique<CommandLauncher>(command_template, program);
}

}  // namespace aunet
