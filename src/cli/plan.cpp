#include "cli/plan.h"

#include "cli/export_jobs.h"
#include "cli/facts.h"
#include "cli/text_table.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "core/run_dir.h"
#include "core/text.h"
#include "sweep/cell_json.h"
#include "sweep/match.h"
#include "sweep/missing_evals.h"
#include "sweep/plan.h"
#include "sweep/plan_changes.h"
#include "sweep/plan_files.h"
#include "sweep/run_state.h"
#include "sweep/speed.h"
#include "sweep/tuning_lock.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace aunet {
namespace po = boost::program_options;

namespace {

using Json = nlohmann::json;

/// A cell with what the run directories add to it.
struct PlanRow {
  const Cell* cell;
  std::string state;  // new, done, running, failed, stale
  TimeEstimate time;
  std::vector<EvalConfig> missing;  // [[eval]]s that a done run still lacks
};

std::vector<PlanRow> make_rows(const Plan& plan, const RunsRoot& runs, const SpeedBook& speeds) {
  std::vector<PlanRow> rows;
  for (const Cell& cell : plan.cells) {
    const std::string state = cell.key.empty() ? "new" : plan_word(read_run_state(runs.run(cell.key)));
    rows.push_back(
        {&cell, state, speeds.estimate(cell),
         state == "done" ? missing_evals(cell.run, runs.run(cell.key)) : std::vector<EvalConfig>()});
  }
  return rows;
}

/// The contract's array: the planner's fields, `state` and `seconds`.
void print_json(const std::vector<PlanRow>& rows) {
  Json array = Json::array();
  for (const PlanRow& row : rows) {
    Json cell = cell_to_json(*row.cell);
    cell["state"] = row.state;
    cell["evaluations_missing"] = Json::array();
    for (const EvalConfig& eval : row.missing) cell["evaluations_missing"].push_back(eval.name);
    cell["seconds"] = {{"estimate", row.time.seconds}, {"source", row.time.source}};
    array.push_back(std::move(cell));
  }
  fmt::print("{}\n", array.dump(1));
}

/// human_duration, in years where days say nothing any more.
std::string long_duration(double seconds) {
  constexpr double kYear = 365.25 * 86400;
  return seconds < 3 * kYear ? human_duration(seconds) : human_count(seconds / kYear) + " years";
}

std::vector<std::string> table_row(const PlanRow& row) {
  const Cell& cell = *row.cell;
  return {cell.key.empty() ? "-" : cell.key.substr(0, 8),
          cell.family,
          to_string(cell.role),
          human_flops(cell.budget_flops),
          model_line(cell.run.model),
          human_count(static_cast<double>(cell.params.total)),
          human_bytes(cell.text_bytes) + (cell.repeated() ? fmt::format(" x{:.1f}", cell.epochs) : ""),
          human_count(cell.text_bytes > 0 ? cell.flops_by_convention / cell.text_bytes : 0),
          fmt::format("{}", cell.steps),
          human_bytes(cell.batch_bytes),
          fmt::format("{:.3g}{}", cell.run.optim.lr, cell.provisional ? "?" : ""),
          fmt::format("{:.3f}%", 100 * cell.match.error()),
          row.state + (row.missing.empty() ? "" : ", not evaluated"),
          long_duration(row.time.seconds)};
}

void print_table(const std::vector<PlanRow>& rows) {
  std::vector<std::vector<std::string>> table = {{"key", "family", "role", "budget", "model", "params",
                                                  "bytes", "FLOP/byte", "steps", "batch", "lr", "error",
                                                  "state", "time"}};
  for (const PlanRow& row : rows) table.push_back(table_row(row));
  fmt::print("{}", text_table(table, "lllrlrrrrrrrlr"));
}

void print_notes(const Plan& plan) {
  if (std::any_of(plan.cells.begin(), plan.cells.end(), [](const Cell& c) { return c.repeated(); }))
    fmt::print("\nx6.2 after bytes: repeated, so many passes over a training source\n");
  if (!plan.tuning_complete) {
    fmt::print(
        "\nlr? is provisional: the tuning trials run first, and may add trials and change rate, batch and "
        "key\n");
  }
  for (const std::string& note : plan.notes) fmt::print("\nnote: {}", note);
  if (!plan.notes.empty()) fmt::print("\n");
  std::map<std::string, int64_t> warnings;
  for (const Cell& cell : plan.cells) {
    for (const std::string& warning : cell.warnings) ++warnings[warning];
  }
  for (const auto& [warning, count] : warnings) fmt::print("warning: {} ({} cells)\n", warning, count);
  for (const ExcludedCell& out : plan.excluded) {
    fmt::print("excluded: {} {} {}: {}\n", out.cell.family, human_flops(out.cell.budget_flops),
               model_line(out.cell.run.model), out.reason);
  }
}

/// A new evaluation never retrains: `aunet sweep` makes these from the final checkpoints.
void print_missing_evals(const std::vector<PlanRow>& rows) {
  std::map<std::string, std::set<std::string>> keys;
  for (const PlanRow& row : rows)
    for (const EvalConfig& eval : row.missing) keys[eval.name].insert(row.cell->key);
  for (const auto& [name, runs] : keys)
    fmt::print("evaluation {}: missing for {} done runs; aunet sweep makes it without training\n", name,
               runs.size());
}

void print_totals(const std::vector<PlanRow>& rows, double price_per_hour) {
  std::map<std::string, int64_t> states, sources;
  std::set<std::string> seen;  // a trial that is also a cell of the grid runs once
  double seconds = 0, seconds_left = 0, flops = 0, incremental = 0, flops_left = 0;
  for (const PlanRow& row : rows) {
    if (!row.cell->key.empty() && !seen.insert(row.cell->key).second) continue;
    ++states[row.state];
    ++sources[row.time.source];
    seconds += row.time.seconds;
    flops += row.cell->flops_by_convention;
    incremental += row.cell->incremental_flops();
    if (row.state == "done") continue;
    seconds_left += row.time.seconds;
    flops_left += row.cell->incremental_flops();
  }
  std::vector<std::string> words;
  for (const auto& [state, count] : states) words.push_back(fmt::format("{} {}", count, state));
  fmt::print("\n{} cells, {} runs: {}; {} FLOPs in all, {} still to spend\n", rows.size(),
             seen.empty() ? rows.size() : seen.size(), join(words, ", "), human_flops(flops),
             human_flops(flops_left));
  if (incremental < flops) {
    fmt::print("run trees compute {} FLOPs of these, {:.1f} %: times and prices are of that part\n",
               human_flops(incremental), 100 * incremental / flops);
  }
  fmt::print("one after the other: {}, {} of it still to run", long_duration(seconds),
             long_duration(seconds_left));
  if (sources.size() == 1) fmt::print(" ({})", sources.begin()->first);
  fmt::print("\n");
  if (price_per_hour > 0) {
    fmt::print("price at {:g} an hour: {:.2f}, {:.2f} of it still to pay\n", price_per_hour,
               seconds / 3600 * price_per_hour, seconds_left / 3600 * price_per_hour);
  }
}

/// To `file`, or to stdout when it is "".
void print_jobs(const Plan& plan, const RunsRoot& runs, const RetrySpec& retry, const std::string& file) {
  if (!plan.lock_problem.empty()) throw ConfigError(plan.lock_problem);
  refuse_declared_data(plan);
  make_directories(runs.path + "/plans");
  const std::string lines = export_jobs(plan, runs, retry);
  write_plan_files(runs, plan);
  if (!plan.tuning_complete)
    log_warn("the cells whose rate or batch is still to be tuned are left out: run these, then export again");
  if (file.empty()) {
    fmt::print("{}", lines);
    return;
  }
  write_file_atomic(file, lines);
  fmt::print("{}: {} commands\n", file, std::count(lines.begin(), lines.end(), '\n'));
}

}  // namespace

int cmd_plan(const Args& args) {
  po::options_description options("options");
  std::string sweep, runs = "runs";
  std::vector<std::string> overrides;
  double price = 0;
  options.add_options()("sweep", po::value(&sweep)->required(), "sweep file")(
      "json", "print the cells as one JSON array")("set", po::value(&overrides),
                                                   "a.b=c: override a key of the file")(
      "runs", po::value(&runs)->default_value(runs),
      "run directories: state, tuning results, measured speed")(
      "export-jobs", po::value<std::string>()->implicit_value("", ""),
      "[=FILE] prepare the run directories and print a command a cell, or write them to FILE")(
      "relock", "resolve the tuning anew instead of taking it from RUNS/plans/NAME.lock.toml")(
      "on", po::value<std::string>(), "estimate times for cpu:N, h100:N or h200:N instead of this machine")(
      "price", po::value(&price)->default_value(0, "0"), "price of an hour of the machine, any currency");
  po::variables_map values;
  if (!parse_command_line(args, "aunet plan SWEEP.toml [options]",
                          "aunet plan sweeps/quickstart.toml --set budget.flops=[1e10,1e11]", options,
                          {"sweep"}, values)) {
    return 0;
  }
  const SweepSpec spec = read_sweep_spec(sweep, overrides);
  const RunsRoot root{runs};
  SpeedBook speeds(root);
  if (values.count("on")) speeds.assume_machine(values["on"].as<std::string>());
  demand_rates(spec, &speeds);
  FactsCache facts(spec.data, runs);
  const std::optional<TuningLock> lock =
      values.count("relock") ? std::nullopt : read_tuning_lock(root, spec.name);
  const Plan plan = make_plan(
      spec, facts.provider(), [&](const std::string& key) { return loss_of(read_run_state(root.run(key))); },
      lock ? &*lock : nullptr);
  if (values.count("export-jobs")) {
    print_jobs(plan, root, spec.retry, values["export-jobs"].as<std::string>());
    return 0;
  }
  const std::vector<PlanRow> rows = make_rows(plan, root, speeds);
  if (values.count("json")) {
    print_json(rows);
    return 0;
  }
  print_table(rows);
  print_notes(plan);
  print_totals(rows, price);
  print_missing_evals(rows);
  for (const std::string& line : describe(plan_changes(plan, root))) fmt::print("{}\n", line);
  return 0;
}

}  // namespace aunet
