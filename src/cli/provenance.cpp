#include "cli/provenance.h"

#include "core/file.h"
#include "core/text.h"

#include "build_info.h"

#include <fmt/format.h>
#include <torch/version.h>

#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <sstream>

namespace aunet {

namespace {

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts = {};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

std::string cpu_name() {
  for (const std::string& line : split_on(read_file("/proc/cpuinfo"), '\n')) {
    if (line.starts_with("model name")) return std::string(trim(line.substr(line.find(':') + 1)));
  }
  return "unknown";
}

std::string command_line() {
  std::string text = read_file("/proc/self/cmdline");  // arguments end in NUL
  while (!text.empty() && text.back() == '\0') text.pop_back();
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

}  // namespace

AttemptRecord describe_attempt(int64_t attempt, const std::string& device, int64_t threads) {
  return {.attempt = attempt,
          .started = utc_now(),
          .host = host_name(),
          .device = device == "cpu" ? fmt::format("cpu: {} x{}", cpu_name(), threads) : device,
          .pid = getpid(),
          .threads = threads,
          .commit = kBuildCommit,
          .dirty_diff_hash = kBuildDirtyDiffHash,
          .torch_version = TORCH_VERSION,
          .command = command_line()};
}

double seconds_since_exec() {
  // Field 22 counts clock ticks from boot to the process's start; the command name before it may hold spaces.
  const std::string stat = read_file("/proc/self/stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;
  timespec now = {};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec) -
         std::stod(field) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace aunet
