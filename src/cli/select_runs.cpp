#include "cli/select_runs.h"

#include "cli/find_run.h"
#include "config/sweep_spec.h"
#include "core/error.h"
#include "core/file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <set>
#include <string_view>

namespace aunet {

namespace {

constexpr std::string_view kPlan = ".json";

/// Under the key that its folder has: a run directory of another place is no run of `runs`.
std::string key_in(const RunsRoot& runs, const RunDir& run) {
  const auto path = std::filesystem::absolute(run.path + "/").lexically_normal().parent_path();
  const std::string key = path.filename().string();
  if (!is_run_directory(runs.run(key).path))
    throw ConfigError(fmt::format("run '{}': expected one of '{}' (--runs)", run.path, runs.path));
  return key;
}

}  // namespace

Selection select_runs(const RunsRoot& runs, const std::vector<std::string>& names) {
  Selection selection;
  for (const std::string& name : names) {
    if (name.ends_with(".toml")) {
      selection.sweeps.push_back(read_sweep_spec(name).name);
    } else if (name.find('/') == std::string::npos && exists(runs.plan(name))) {
      selection.sweeps.push_back(name);
    } else {
      selection.keys.push_back(key_in(runs, find_run(runs.path, name)));
    }
  }
  return selection;
}

std::vector<std::string> keys_of_sweep(const RunsRoot& runs, const std::string& sweep) {
  std::set<std::string> keys;
  if (!exists(runs.plan(sweep))) return {};
  const auto plan = nlohmann::json::parse(read_file(runs.plan(sweep)), nullptr, false);
  if (!plan.is_object() || !plan.contains("cells")) return {};
  for (const auto& cell : plan["cells"]) {
    if (!cell.contains("key") || !cell["key"].is_string()) continue;
    const std::string key = cell["key"];
    if (is_run_directory(runs.run(key).path)) keys.insert(key);
  }
  return {keys.begin(), keys.end()};
}

std::vector<std::string> all_keys(const RunsRoot& runs) {
  std::vector<std::string> keys;
  for (const std::string& key : list_directory(runs.path)) {
    if (is_run_directory(runs.run(key).path)) keys.push_back(key);
  }
  return keys;
}

std::vector<std::string> all_sweeps(const RunsRoot& runs) {
  std::vector<std::string> sweeps;
  for (const std::string& name : list_directory(runs.path + "/plans")) {
    if (name.ends_with(kPlan)) sweeps.push_back(name.substr(0, name.size() - kPlan.size()));
  }
  return sweeps;
}

}  // namespace aunet
