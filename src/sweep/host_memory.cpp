#include "sweep/host_memory.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace aunet {

namespace {

/// The number after `name` in a file of "name number" lines; `otherwise` without such a line.
double number_in(const std::string& path, const std::string& name, double otherwise) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(name) || line.size() <= name.size()) continue;
    const char after = line[name.size()];
    if (after == ' ' || after == ':') return std::strtod(line.c_str() + name.size() + 1, nullptr);
  }
  return otherwise;
}

/// A file that holds one number, like memory.max; -1 when it is absent or says "max".
double only_number(const std::string& path) {
  std::ifstream in(path);
  double value = -1;
  return in >> value ? value : -1;
}

/// Folder of our control group, version 2: the line "0::/path" of /proc/self/cgroup.
std::string control_group() {
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("0::")) return "/sys/fs/cgroup" + line.substr(3);
  }
  return "/sys/fs/cgroup";
}

}  // namespace

double available_memory_bytes() {
  double available = 1024 * number_in("/proc/meminfo", "MemAvailable", 0);
  const std::string group = control_group();
  const double limit = only_number(group + "/memory.max"), used = only_number(group + "/memory.current");
  if (limit < 0 || used < 0) return available;
  const double cache = number_in(group + "/memory.stat", "inactive_file", 0);  // given back when needed
  const double left = std::max(0.0, limit - used + cache);
  return available > 0 ? std::min(available, left) : left;
}

double resident_bytes(int64_t pid) {
  std::ifstream in(fmt::format("/proc/{}/statm", pid));
  double size = 0, resident = 0;
  if (!(in >> size >> resident)) return 0;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

int64_t peak_resident_bytes() {
  return static_cast<int64_t>(1024 * number_in("/proc/self/status", "VmHWM", 0));
}

int64_t oom_kills() {
  const double own = number_in(control_group() + "/memory.events", "oom_kill", -1);
  return static_cast<int64_t>(own >= 0 ? own : number_in("/proc/vmstat", "oom_kill", 0));
}

}  // namespace aunet
