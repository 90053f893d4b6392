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
#include "sweep/plan_cost.h"
#include "sweep/plan_files.h"
#include "sweep/run_state.h"
#include "sweep/slots.h"
#include "sweep/speed.h"
#include "sweep/tuning_lock.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <thread>

namespace aunet {
namespace po = boost::program_options;

namespace {

using Json = nlohmann::json;

/// A cell with what the run directories add to it.
struct PlanRow {
  const Cell* cell;
  std::string state;  // new, done, running, failed, stale
  TimeEstimate time;
  MemoryEstimateOfRun memory;
  std::vector<EvalConfig> missing;  // [[eval]]s that a done run still lacks
};

std::vector<PlanRow> make_rows(const Plan& plan, const RunsRoot& runs, const SpeedBook& speeds) {
  std::vector<PlanRow> rows;
  for (const Cell& cell : plan.cells) {
    const std::string state = cell.key.empty() ? "new" : plan_word(read_run_state(runs.run(cell.key)));
    rows.push_back(
        {&cell, state, speeds.estimate(cell), speeds.estimate_memory(cell),
         state == "done" ? missing_evals(cell.run, runs.run(cell.key)) : std::vector<EvalConfig>()});
  }
  return rows;
}

/// What the user asked to be priced.
struct Pricing {
  std::optional<MachineSpec> machine;
  double per_hour = 0;  // of a device: a GPU, or a core; 0: no price
};

int64_t devices_of(const Cell& cell, const Pricing& pricing) {
  const MachineSpec here{.words = "", .profile = cell.run.runtime.device == "cpu" ? "cpu" : "h100"};
  return devices_of_run(pricing.machine.value_or(here), cell.run.runtime.threads);
}

/// The contract's array: the planner's fields, `state`, `seconds` and `memory`. `memory_bytes` is here the
/// whole process's; in RUNS/plans, and in the database, what the model needs.
void print_json(const std::vector<PlanRow>& rows, const Pricing& pricing) {
  Json array = Json::array();
  for (const PlanRow& row : rows) {
    Json cell = cell_to_json(*row.cell);
    cell["state"] = row.state;
    cell["evaluations_missing"] = Json::array();
    for (const EvalConfig& eval : row.missing) cell["evaluations_missing"].push_back(eval.name);
    cell["seconds"] = {
        {"estimate", row.time.seconds}, {"source", row.time.source}, {"error", row.time.error}};
    cell["memory_bytes"] = row.memory.bytes;
    cell["memory"] = {{"estimate", row.memory.bytes},
                      {"source", row.memory.source},
                      {"error", row.memory.error},
                      {"model", row.cell->memory_bytes}};
    const double hours = row.time.seconds / 3600 * static_cast<double>(devices_of(*row.cell, pricing));
    cell["device_hours"] = hours;
    cell["disk_bytes"] = disk_bytes(*row.cell);
    cell["cost"] = pricing.per_hour > 0 ? Json(hours * pricing.per_hour) : Json();
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

/// Of an estimate's source what many cells share: without the run that is nearest.
std::string source_without_run(const std::string& source) {
  return source.substr(0, source.find(", nearest"));
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

/// Runs at a time without --on: as `aunet sweep` would.
int64_t default_slots(const Cell& cell) {
  if (cell.run.runtime.device != "cpu") return std::max<int64_t>(1, std::ssize(visible_gpus()));
  const auto cores = static_cast<int64_t>(std::max(1u, std::thread::hardware_concurrency()));
  return std::max<int64_t>(1, cores / std::max<int64_t>(1, cell.run.runtime.threads));
}

/// Makespan, device hours, disk, memory and money of the runs that are still to be made.
void print_cost(const std::vector<PricedRun>& runs, double largest_bytes, const Pricing& pricing) {
  if (runs.empty()) return;
  const Cell& first = *runs.front().cell;
  const int64_t threads = first.run.runtime.threads, devices = devices_of(first, pricing);
  const int64_t slots = pricing.machine ? slots_of(*pricing.machine, threads) : default_slots(first);
  const PlanCost cost = plan_cost(runs, slots, devices);
  const bool gpu = pricing.machine ? pricing.machine->profile != "cpu" : first.run.runtime.device != "cpu";
  const int64_t at_once = slots > 0 ? std::min<int64_t>(slots, std::ssize(runs)) : std::ssize(runs);
  fmt::print("{}, {} at a time: the last has ended after {} (+- {:.0f} %); {:.3g} {} hours\n",
             pricing.machine ? "on " + pricing.machine->words : "here", at_once, long_duration(cost.makespan),
             100 * cost.error_seconds / std::max(cost.seconds, 1e-9), cost.device_hours,
             gpu ? "GPU" : "core");
  fmt::print("disk at most {}; memory at most {} a run, {} together\n", human_bytes(cost.disk_peak_bytes),
             human_bytes(largest_bytes), human_bytes(largest_bytes * static_cast<double>(at_once)));
  if (pricing.machine && pricing.machine->limit_seconds > 0) {
    const auto n_long = std::count_if(runs.begin(), runs.end(), [&](const PricedRun& run) {
      return run.time.seconds > pricing.machine->limit_seconds;
    });
    if (n_long > 0)
      fmt::print("{} runs are longer than a job of {} lasts: they are requeued\n", n_long,
                 pricing.machine->words);
  }
  if (pricing.per_hour > 0)
    fmt::print("price at {:g} an hour of a {}: {:.2f} still to pay\n", pricing.per_hour, gpu ? "GPU" : "core",
               cost.device_hours * pricing.per_hour);
}

void print_totals(const std::vector<PlanRow>& rows, const Pricing& pricing) {
  std::map<std::string, int64_t> states, sources;
  std::set<std::string> seen;  // a trial that is also a cell of the grid runs once
  double seconds = 0, seconds_left = 0, flops = 0, incremental = 0, flops_left = 0, largest_bytes = 0;
  std::vector<PricedRun> left;
  for (const PlanRow& row : rows) {
    if (!row.cell->key.empty() && !seen.insert(row.cell->key).second) continue;
    ++states[row.state];
    ++sources[source_without_run(row.time.source)];
    seconds += row.time.seconds;
    flops += row.cell->flops_by_convention;
    incremental += row.cell->incremental_flops();
    if (row.state == "done") continue;
    seconds_left += row.time.seconds;
    largest_bytes = std::max(largest_bytes, row.memory.bytes);
    left.push_back({row.cell, row.time});
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
  fmt::print("\n");
  for (const auto& [source, count] : sources) fmt::print("times of {} runs {}\n", count, source);
  print_cost(left, largest_bytes, pricing);
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
      "on", po::value<std::string>(),
      "estimate for cpu:N (cores), h100:N, h200:N or slurm:PROFILE instead of this machine")(
      "price", po::value(&price)->default_value(0, "0"),
      "price of an hour of a GPU, or of a core where there is none, any currency");
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
  const Pricing pricing{speeds.machine(), price};
  if (values.count("json")) {
    print_json(rows, pricing);
    return 0;
  }
  print_table(rows);
  print_notes(plan);
  print_totals(rows, pricing);
  print_missing_evals(rows);
  for (const std::string& line : describe(plan_changes(plan, root))) fmt::print("{}\n", line);
  return 0;
}

}  // namespace aunet
