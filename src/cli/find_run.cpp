#include "cli/find_run.h"

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

#include <fmt/format.h>

#include <vector>

namespace aunet {

bool is_run_directory(const std::string& path) { return exists(RunDir{path}.run_toml()); }

RunDir find_run(const std::string& runs, const std::string& name) {
  if (is_run_directory(name)) return {name};
  std::vector<std::string> fitting;
  for (const std::string& key : list_directory(runs)) {
    if (key.starts_with(name) && is_run_directory(runs + "/" + key)) fitting.push_back(key);
  }
  if (fitting.size() == 1) return {runs + "/" + fitting[0]};
  if (fitting.empty()) {
    throw ConfigError(
        fmt::format("run '{}': expected a run directory or the beginning of a key in '{}'", name, runs));
  }
  if (fitting.size() > 5) fitting.resize(5);
  throw ConfigError(
      fmt::format("run '{}': expected one run, got several: {} ...", name, join(fitting, ", ")));
}

}  // namespace aunet
