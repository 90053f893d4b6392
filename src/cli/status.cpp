#include "cli/status.h"

#include "cli/find_run.h"
#include "cli/text_table.h"
#include "config/run_config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/run_dir.h"
#include "core/text.h"
#include "sweep/run_state.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <thread>
#include <tuple>
#include <unordered_map>

namespace aunet {
namespace po = boost::program_options;

namespace {

using Json = nlohmann::json;

constexpr std::chrono::seconds kWatchPeriod(2);

struct StatusRow {
  std::string key, sweep, family;
  double budget_flops = 0;
  int64_t n_steps = 0;
  RunState state;
};

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

std::vector<StatusRow> read_rows(const RunsRoot& runs) {
  const auto planned = planned_rows(runs);
  std::vector<StatusRow> rows;
  for (const std::string& key : list_directory(runs.path)) {
    if (!is_run_directory(runs.run(key).path)) continue;
    const auto known = planned.find(key);
    StatusRow row = known != planned.end() ? known->second : row_from_run_toml(runs, key);
    const std::string problem = row.state.message;
    row.state = read_run_state(runs.run(key));
    if (row.state.message.empty()) row.state.message = problem;
    rows.push_back(std::move(row));
  }
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

Json optional_number(bool known, double value) { return known ? Json(value) : Json(nullptr); }

void print_json(const std::vector<StatusRow>& rows) {
  Json array = Json::array();
  for (const StatusRow& row : rows) {
    const RunState& state = row.state;
    array.push_back(
        {{"key", row.key},
         {"sweep", row.sweep},
         {"family", row.family},
         {"budget", row.budget_flops},
         {"state", state.status},
         {"attempt", state.attempt},
         {"step", state.step},
         {"steps", row.n_steps},
         {"loss_bpb", optional_number(state.last.has_value(), state.last ? state.last->loss_bpb : 0)},
         {"heldout_bpb", optional_number(state.heldout_bpb.has_value(), state.heldout_bpb.value_or(0))},
         {"gate_causal", state.gate_verdict},
         {"bytes_per_second", state.bytes_per_second},
         {"seconds_left", optional_number(seconds_left(row) > 0, seconds_left(row))},
         {"cause", state.cause},
         {"message", state.message}});
  }
  fmt::print("{}\n", array.dump(1));
}

std::string number_or_dash(bool known, const std::string& text) { return known ? text : "-"; }

std::string table_text(const std::vector<StatusRow>& rows) {
  std::vector<std::vector<std::string>> table = {{"key", "family", "budget", "state", "step", "loss",
                                                  "train bpb", "heldout bpb", "gate", "bytes/s", "left",
                                                  "cause"}};
  for (const StatusRow& row : rows) {
    const RunState& state = row.state;
    table.push_back({row.key.substr(0, 8), row.family,
                     number_or_dash(row.budget_flops > 0, human_flops(row.budget_flops)), state.status,
                     fmt::format("{}/{}", state.step, row.n_steps),
                     state.last ? fmt::format("{:.4f}", state.last->loss_nats) : "-",
                     state.last ? fmt::format("{:.4f}", state.last->loss_bpb) : "-",
                     state.heldout_bpb ? fmt::format("{:.4f}", *state.heldout_bpb) : "-",
                     number_or_dash(!state.gate_verdict.empty(), state.gate_verdict),
                     number_or_dash(state.bytes_per_second > 0, human_count(state.bytes_per_second)),
                     number_or_dash(seconds_left(row) > 0, human_duration(seconds_left(row))),
                     state.cause.empty() ? state.message : state.cause + ": " + state.message});
  }
  return text_table(table, "llrlrrrrlrrl");
}

std::string totals_text(const std::vector<StatusRow>& rows, const std::string& runs) {
  std::map<std::string, int64_t> states;
  for (const StatusRow& row : rows) ++states[row.state.status];
  std::vector<std::string> words;
  for (const auto& [state, count] : states) words.push_back(fmt::format("{} {}", count, state));
  if (rows.empty()) return fmt::format("{}: no runs\n", runs);
  return fmt::format("{}: {} runs: {}\n", runs, rows.size(), join(words, ", "));
}

}  // namespace

int cmd_status(const Args& args) {
  po::options_description options("options");
  std::string runs = "runs";
  options.add_options()("runs", po::value(&runs)->default_value(runs), "folder of run directories")(
      "json", "one JSON array, an object a run")("watch", "show again every two seconds, until Ctrl-C");
  po::variables_map values;
  if (!parse_command_line(args, "aunet status [options]", "aunet status --runs runs --watch", options, {},
                          values)) {
    return 0;
  }
  const bool watch = values.count("watch") > 0;
  if (watch && values.count("json")) throw ConfigError("--watch: expected a table, got --json too");
  while (true) {
    const std::vector<StatusRow> rows = read_rows({runs});
    if (values.count("json")) {
      print_json(rows);
    } else {
      if (watch && ::isatty(STDOUT_FILENO)) fmt::print("\x1b[H\x1b[2J");
      fmt::print("{}{}", rows.empty() ? "" : table_text(rows), totals_text(rows, runs));
    }
    if (!watch) return 0;
    std::fflush(stdout);
    std::this_thread::sleep_for(kWatchPeriod);
  }
}

}  // namespace aunet
