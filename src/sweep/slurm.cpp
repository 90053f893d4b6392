#include "sweep/slurm.h"

#include "core/error.h"
#include "core/log.h"
#include "core/text.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <thread>

namespace aunet {

namespace {

constexpr int kRequeueTries = 30;
constexpr std::chrono::seconds kPause(2);

struct Answer {
  int code = 0;  // of the shell: 127 when there is no such command
  std::string text;
};

/// stdout and stderr of a shell command.
Answer ask(const std::string& command) {
  std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "re");
  if (!pipe) throw Error(fmt::format("{}: cannot be started", command));
  Answer answer;
  char block[4096];
  for (size_t n = 0; (n = std::fread(block, 1, sizeof block, pipe)) > 0;) answer.text.append(block, n);
  const int status = ::pclose(pipe);
  answer.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  return answer;
}

/// Whether the controller is only away, busy or restarting: Slurm's own words for it.
bool will_pass(const std::string& words) {
  constexpr const char* kPassing[] = {"Unable to contact", "timed out",  "emporarily", "Connection refused",
                                      "Zero Bytes",        "Transport ", "try again",  "Communication"};
  return std::any_of(std::begin(kPassing), std::end(kPassing),
                     [&](const char* part) { return words.find(part) != std::string::npos; });
}

/// Asks again for `patience` seconds while the controller is away.
Answer ask_or_throw(const std::string& name, const std::string& command, double patience) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + std::chrono::duration<double>(patience);
  Answer answer = ask(command);
  while (answer.code != 0 && will_pass(answer.text) && Clock::now() < until) {
    log_warn(fmt::format("{}: {}: asking again", name, split_on(trim(answer.text), '\n').front()));
    std::this_thread::sleep_for(kPause);
    answer = ask(command);
  }
  if (answer.code == 127) throw Error(fmt::format("{}: not there: is this a Slurm machine?", name));
  if (answer.code == 0) return answer;
  std::string words = split_on(trim(answer.text), '\n').front();
  if (words.starts_with(name + ": ")) words = words.substr(name.size() + 2);
  throw Error(fmt::format("{}: {}", name, words));
}

/// A value of an #SBATCH line: quoted for sbatch's own reader, '%' doubled where it would be a pattern.
std::string directive(const std::string& option, const std::string& value) {
  return fmt::format("#SBATCH --{}={}\n", option, value);
}

std::string quoted_path(const std::string& path) {
  std::string result = "\"";
  for (const char c : path) {
    if (c == '%') result += '%';
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

std::string head(const SlurmProfile& profile, const std::string& name) {
  std::string text = "#!/bin/bash\n" + directive("job-name", name);
  if (!profile.account.empty()) text += directive("account", profile.account);
  if (!profile.qos.empty()) text += directive("qos", profile.qos);
  text += "#SBATCH --requeue\n#SBATCH --open-mode=append\n#SBATCH --nodes=1\n#SBATCH --ntasks=1\n";
  return text;
}

std::string tail(const SlurmProfile& profile, const std::vector<std::string>& directives,
                 const std::string& command) {
  std::string text;
  for (const std::string& line : directives) text += "#SBATCH " + line + "\n";
  for (const std::string& line : profile.setup) text += line + "\n";
  return text + "exec " + command + "\n";
}

int64_t number_or(const std::string& text, int64_t otherwise) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty() ? value : otherwise;
}

}  // namespace

std::string slurm_array_script(const SlurmProfile& profile, const SlurmArray& array) {
  require(array.n_tasks > 0, "slurm: an array without tasks");
  std::string text = head(profile, "aunet-" + array.sweep);
  const std::string at_once = profile.at_once > 0 ? fmt::format("%{}", profile.at_once) : "";
  text += directive("array", fmt::format("0-{}{}", array.n_tasks - 1, at_once));
  text += fmt::format("#SBATCH --output={}\n",
                      quoted_path(array.stem).substr(0, quoted_path(array.stem).size() - 1) + "-%a.log\"");
  if (!profile.partition.empty()) text += directive("partition", profile.partition);
  if (profile.time_seconds > 0) text += directive("time", slurm_time(profile.time_seconds));
  text += directive("cpus-per-task", fmt::format("{}", profile.cpus > 0 ? profile.cpus : array.threads));
  if (profile.gpus > 0) text += directive("gpus-per-node", fmt::format("{}", profile.gpus));
  if (!profile.memory.empty()) text += directive("mem", profile.memory);
  return text + tail(profile, profile.sbatch, array.command);
}

std::string slurm_plan_script(const SlurmProfile& profile, const std::string& sweep, const std::string& log,
                              const std::string& command) {
  std::string text = head(profile, "aunet-" + sweep + "-plan");
  text += fmt::format("#SBATCH --output={}\n", quoted_path(log));
  const std::string& partition = profile.plan_partition.empty() ? profile.partition : profile.plan_partition;
  if (!partition.empty()) text += directive("partition", partition);
  text += directive("time", slurm_time(profile.plan_seconds)) + directive("cpus-per-task", "1");
  if (!profile.plan_memory.empty()) text += directive("mem", profile.plan_memory);
  return text + tail(profile, profile.plan_sbatch, command);
}

std::optional<double> parse_slurm_time(const std::string& text) {
  std::string_view rest = trim(text);
  double days = 0;
  if (const size_t dash = rest.find('-'); dash != std::string_view::npos) {
    const int64_t n = number_or(std::string(rest.substr(0, dash)), -1);
    if (n < 0) return std::nullopt;
    days = static_cast<double>(n);
    rest = rest.substr(dash + 1);
  }
  const std::vector<std::string> parts = split_on(rest, ':');
  if (parts.size() < 2 || parts.size() > 3) return std::nullopt;
  double seconds = 0;
  for (const std::string& part : parts) {
    const int64_t n = number_or(part, -1);
    if (n < 0) return std::nullopt;
    seconds = 60 * seconds + static_cast<double>(n);
  }
  return 86400 * days + seconds;
}

std::string slurm_time(double seconds) {
  const auto minutes = static_cast<int64_t>(std::ceil(seconds / 60));
  const int64_t days = minutes / 1440, hours = minutes / 60 % 24;
  const std::string clock = fmt::format("{:02d}:{:02d}:00", hours, minutes % 60);
  return days > 0 ? fmt::format("{}-{}", days, clock) : clock;
}

std::string Slurm::submit(const std::string& path, const std::vector<std::string>& after,
                          int64_t begin_seconds) const {
  std::string command = "sbatch --parsable";
  if (!after.empty()) command += " --dependency=afterany:" + join(after, ":");
  if (begin_seconds > 0) command += fmt::format(" --begin=now+{}", begin_seconds);
  const Answer answer = ask_or_throw("sbatch", command + " " + shell_quoted(path), patience_);
  // "ID" or "ID;CLUSTER" on the last line; warnings may stand before it.
  const std::vector<std::string> lines = split_on(trim(answer.text), '\n');
  const std::string id(trim(split_on(lines.back(), ';').front()));
  if (number_or(id, -1) < 0)
    throw Error(fmt::format("sbatch: expected the number of a job, got '{}'", trim(answer.text)));
  return id;
}

Slurm::Queue Slurm::queue() const {
  const Answer answer =
      ask_or_throw("squeue", fmt::format("squeue -h -r -u {} -o '%F %K %i'", ::geteuid()), patience_);
  Queue queue;
  for (const std::string& line : split_on(answer.text, '\n')) {
    const std::vector<std::string> words = split_on(trim(line), ' ');
    if (words.size() >= 2 && number_or(words[0], -1) >= 0) queue[words[0]].insert(number_or(words[1], -1));
  }
  return queue;
}

std::optional<double> Slurm::seconds_left(const std::string& job) const {
  const Answer answer = ask(fmt::format("squeue -h -j {} -o %L", shell_quoted(job)));
  return answer.code == 0 ? parse_slurm_time(answer.text) : std::nullopt;
}

bool Slurm::is_ending(const std::string& job) const {
  const Answer answer = ask(fmt::format("squeue -h -j {} -o %T", shell_quoted(job)));
  return answer.code == 0 && (answer.text.starts_with("COMPLETING") || answer.text.starts_with("CANCELLED"));
}

bool Slurm::requeue(const std::string& job) const {
  for (int i = 0; i < kRequeueTries; ++i) {
    if (i > 0) std::this_thread::sleep_for(kPause);
    if (ask("scontrol requeue " + shell_quoted(job)).code == 0) return true;
  }
  return false;
}

}  // namespace aunet
