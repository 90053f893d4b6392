#include "cli/status.h"

#include "cli/status_rows.h"
#include "cli/text_table.h"
#include "cli/watch.h"
#include "core/error.h"
#include "core/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace aunet {
namespace po = boost::program_options;

namespace {

using Json = nlohmann::json;

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

}  // namespace

int cmd_status(const Args& args) {
  po::options_description options("options");
  std::string runs = "runs";
  options.add_options()("runs", po::value(&runs)->default_value(runs), "folder of run directories")(
      "json", "one JSON array, an object a run")(
      "watch",
      "one row a cell, redrawn in place, until what runs has ended or Ctrl-C; lines of news where the "
      "output is no terminal");
  po::variables_map values;
  if (!parse_command_line(args, "aunet status [options]", "aunet status --runs runs --watch", options, {},
                          values)) {
    return 0;
  }
  if (values.count("watch") && values.count("json"))
    throw ConfigError("--watch: expected a table, got --json too");
  if (values.count("watch")) {
    watch({runs});
    return 0;
  }
  const std::vector<StatusRow> rows = read_status_rows({runs}, false);
  if (values.count("json")) {
    print_json(rows);
  } else if (rows.empty()) {
    fmt::print("{}: no runs\n", runs);
  } else {
    fmt::print("{}{}: {}\n", table_text(rows), runs, count_states(rows));
  }
  return 0;
}

}  // namespace aunet
