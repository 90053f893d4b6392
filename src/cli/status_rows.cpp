#include "cli/status_rows.h"

#include "cli/find_run.h"
#include "config/run_config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace aunet {

namespace {

using Json = nlohmann::json;

/// Family, budget and steps of every planned key. Reading plans is a hundred times quicker than reading
/// run.toml files.
std::unordered_map<std::string, StatusRow> planned_rows(const RunsRoot& runs) {
  std::unordered_map<std::string, StatusRow> rows;
  for (const std::string& name : list_directory(runs.path + "/plans")) {
    if (!name.ends_with(".json")) continue;
    const Json plan = Json::parse(read_file(runs.path + "/plans/" + name), nullptr, false);
    if (!plan.is_object() || !plan.contains("cells")) continue;
    for (const Json& cell : plan["cells"]) {
      if (!cell.contains("key") || !cell["key"].is_string()) continue;
      StatusRow row;
      row.key = cell["key"];
      row.sweep = plan.value("sweep", "");
      row.family = cell.value("family", "");
      row.budget_flops = cell.value("budget", 0.0);
      row.n_steps = cell.value("steps", int64_t{0});
      rows.emplace(row.key, std::move(row));
    }
  }
  return rows;
}

/// A run that no plan names: `aunet train`, or a sweep that was edited since.
StatusRow row_from_run_toml(const RunsRoot& runs, const std::string& key) {
  StatusRow row;
  row.key = key;
  try {
    const RunConfig config = read_run_config(runs.run(key).run_toml());
    row.sweep = config.origin.name;
    row.family = config.origin.family.empty() ? kind_of(config.model) : config.origin.family;
    row.budget_flops = config.origin.budget_flops;
    const int64_t batch = std::max<int64_t>(1, config.horizon.batch_windows);
    row.n_steps = (config.horizon.windows + batch - 1) / batch;
  } catch (const ConfigError& error) {
    row.state.message = error.what();
  }
  return row;
}

}  // namespace

std::vector<StatusRow> read_status_rows(const RunsRoot& runs, bool planned_too) {
  auto planned = planned_rows(runs);
  std::vector<StatusRow> rows;
  for (const std::string& key : list_directory(runs.path)) {
    if (!is_run_directory(runs.run(key).path)) continue;
    const auto known = planned.find(key);
    StatusRow row = known != planned.end() ? known->second : row_from_run_toml(runs, key);
    const std::string problem = row.state.message;
    row.state = read_run_state(runs.run(key));
    if (row.state.message.empty()) row.state.message = problem;
    planned.erase(key);
    rows.push_back(std::move(row));
  }
  if (planned_too)
    for (auto& [key, row] : planned) rows.push_back(std::move(row));
  std::sort(rows.begin(), rows.end(), [](const StatusRow& a, const StatusRow& b) {
    return std::tie(a.sweep, a.family, a.budget_flops, a.key) <
           std::tie(b.sweep, b.family, b.budget_flops, b.key);
  });
  return rows;
}

double seconds_left(const StatusRow& row) {
  if (row.state.status != "running" || row.n_steps <= row.state.step) return 0;
  return row.state.seconds_per_step * static_cast<double>(row.n_steps - row.state.step);
}

std::string count_states(const std::vector<StatusRow>& rows) {
  std::map<std::string, int64_t> states;
  for (const StatusRow& row : rows) ++states[row.state.status];
  std::vector<std::string> words;
  for (const auto& [state, count] : states) words.push_back(fmt::format("{} {}", count, state));
  return fmt::format("{} runs: {}", rows.size(), join(words, ", "));
}

}  // namespace aunet
