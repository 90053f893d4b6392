#include "sweep/sweep_lock.h"

#include "core/error.h"
#include "core/machine.h"

#include <fmt/format.h>
#include <unistd.h>

#include <sstream>

namespace aunet {

namespace {

/// The lock file's words; the lock itself, not they, says whether it is held.
SweepHolder read_holder(const std::string& path) {
  SweepHolder holder;
  std::istringstream words(exists(path) ? read_file(path) : "");
  words >> holder.pid >> holder.host;
  return holder;
}

std::string prepared_path(const RunsRoot& runs, const std::string& sweep) {
  make_directories(runs.path + "/plans");
  return runs.sweep_lock(sweep);
}

}  // namespace

SweepLock::SweepLock(const RunsRoot& runs, const std::string& sweep) : lock_(prepared_path(runs, sweep)) {
  const std::string path = runs.sweep_lock(sweep);
  if (!lock_.held()) {
    const SweepHolder other = read_holder(path);
    const std::string who = other.pid > 0 ? fmt::format(" (process {} on {})", other.pid, other.host) : "";
    throw Error(fmt::format("{}: another `aunet sweep` is running this sweep{}", path, who));
  }
  const std::string words = fmt::format("{} {}\n", ::getpid(), host_name());
  const bool written =
      ::ftruncate(lock_.descriptor(), 0) == 0 &&
      ::pwrite(lock_.descriptor(), words.data(), words.size(), 0) == static_cast<ssize_t>(words.size());
  if (!written) throw Error(path + ": cannot be written");
}

SweepHolder holder_of_sweep(const RunsRoot& runs, const std::string& sweep) {
  const std::string path = runs.sweep_lock(sweep);
  return FileLock::is_held_by_someone(path) ? read_holder(path) : SweepHolder();
}

}  // namespace aunet
