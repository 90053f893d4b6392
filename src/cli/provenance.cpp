#include "cli/provenance.h"

#include "core/file.h"
#include "core/machine.h"

#include "build_info.h"

#include <fmt/format.h>
#include <torch/version.h>

#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <sstream>
#include <vector>

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

/// "cpu: Intel(R) ... x2" or "cuda: NVIDIA H100 80GB HBM3"; with different GPUs in the machine the gpu field
/// lists them.
std::string device_in_words(const std::string& device, int64_t threads) {
  if (device == "cpu") return fmt::format("cpu: {} x{}", cpu_name(), threads);
  std::vector<std::string> gpus = gpu_names();
  std::sort(gpus.begin(), gpus.end());
  const bool alike = !gpus.empty() && gpus.front() == gpus.back();
  return alike ? fmt::format("{}: {}", device, gpus[0]) : device;
}

std::string command_line() {
  std::string text = read_file("/proc/self/cmdline");  // arguments end in NUL
  while (!text.empty() && text.back() == '\0') text.pop_back();
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

}  // namespace

AttemptRecord describe_attempt(int64_t attempt, const std::string& device, int64_t threads) {
  const bool on_gpu = device != "cpu";
  return {.attempt = attempt,
          .started = utc_now(),
          .host = host_name(),
          .device = device_in_words(device, threads),
          .pid = getpid(),
          .threads = threads,
          .commit = kBuildCommit,
          .dirty_diff_hash = kBuildDirtyDiffHash,
          .torch_version = TORCH_VERSION,
          .command = command_line(),
          .gpu = on_gpu ? gpus_in_words() : "",
          .driver = on_gpu ? gpu_driver() : "",
          .libraries = library_versions(),
          .environment = relevant_environment()};
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
