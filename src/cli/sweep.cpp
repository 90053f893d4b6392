#include "cli/sweep.h"

#include "cli/facts.h"
#include "cli/sweep_slurm.h"
#include "cli/torch_binary.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "core/text.h"
#include "db/ingest.h"
#include "sweep/command_launcher.h"
#include "sweep/match.h"
#include "sweep/plan.h"
#include "sweep/plan_changes.h"
#include "sweep/run_state.h"
#include "sweep/signal_inbox.h"
#include "sweep/slots.h"
#include "sweep/supervisor.h"
#include "sweep/tuning_lock.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <thread>

namespace aunet {
namespace po = boost::program_options;

namespace {

struct SweepArguments {
  std::string sweep, db = "sweep.db", launcher = "local", gpus;
  std::vector<std::string> overrides;
  bool relock = false, no_memory_check = false, follow_up = false;
  SupervisorOptions options{.runs = {"runs"}, .jobs = 0, .only = ""};
};

constexpr std::string_view kSlurm = "slurm", kCommand = "command:";

bool is_slurm(const std::string& launcher) {
  return launcher == kSlurm || launcher.starts_with(std::string(kSlurm) + ":");
}

/// "" for the cluster's defaults.
std::string profile_of(const std::string& launcher) {
  return launcher == kSlurm ? "" : launcher.substr(kSlurm.size() + 1);
}

std::unique_ptr<Launcher> make_launcher(const std::string& launcher) {
  if (launcher.starts_with(kCommand))
    return make_command_launcher(launcher.substr(kCommand.size()), own_program());
  return make_local_launcher(torch_binary());
}

bool parse(const Args& args, SweepArguments& out) {
  po::options_description options("options");
  options.add_options()("sweep", po::value(&out.sweep)->required(), "sweep file")(
      "db", po::value(&out.db)->default_value(out.db), "database to fill before the end")(
      "runs", po::value(&out.options.runs.path)->default_value(out.options.runs.path),
      "folder of the run directories")(
      "launcher", po::value(&out.launcher)->default_value(out.launcher),
      "local: processes on this machine; slurm[:PROFILE]: a job array (sweeps/README.md); command:TEMPLATE: "
      "a shell command a run, with {command}, {key}, {dir}, {threads}, {gpu}")(
      "jobs", po::value(&out.options.jobs)->default_value(0, "cores / threads of a run"), "runs at a time")(
      "gpus", po::value(&out.gpus),
      "0,1,2: each run sees one of these (CUDA_VISIBLE_DEVICES); default for device = \"cuda\": all")(
      "per-gpu", po::value(&out.options.per_gpu)->default_value(1), "runs at a time on each GPU")(
      "follow-up", po::bool_switch(&out.follow_up),
      "set by the job of a Slurm sweep that plans again: failed and stopped runs stay so")(
      "no-memory-check", po::bool_switch(&out.no_memory_check),
      "start runs also where their estimate is more than the memory available")(
      "only", po::value(&out.options.only), "run only keys that begin so")(
      "set", po::value(&out.overrides), "a.b=c: override a key of the file")(
      "relock", po::bool_switch(&out.relock),
      "resolve the tuning anew instead of taking it from RUNS/plans/NAME.lock.toml; tuned cells may change")(
      "timeout", po::value(&out.options.timeout_seconds),
      "seconds after which to checkpoint and stop (exit code 75)");
  po::variables_map values;
  return parse_command_line(args, "aunet sweep SWEEP.toml [options]",
                            "aunet sweep sweeps/quickstart.toml --jobs 2", options, {"sweep"}, values);
}

void check(SweepArguments& arguments, const SweepSpec& spec) {
  const std::string& launcher = arguments.launcher;
  if (launcher != "local" && !is_slurm(launcher) && !launcher.starts_with(kCommand)) {
    throw ConfigError(fmt::format(
        "--launcher: expected local, slurm, slurm:PROFILE or command:TEMPLATE, got '{}'", launcher));
  }
  if (is_slurm(launcher)) read_slurm_profile(profile_of(launcher));  // its mistakes before any work
  if (spec.data.declared) {
    throw ConfigError(fmt::format(
        "{}: data.declared: expected data to train on; declared data can only be planned", arguments.sweep));
  }
  SupervisorOptions& options = arguments.options;
  if (options.jobs < 0)
    throw ConfigError(fmt::format("--jobs: expected a number >= 1, got {}", options.jobs));
  if (options.per_gpu < 1)
    throw ConfigError(fmt::format("--per-gpu: expected a number >= 1, got {}", options.per_gpu));
  if (!arguments.gpus.empty() && spec.runtime.device != "cuda")
    throw ConfigError(
        fmt::format("--gpus: expected only beside [run] device = \"cuda\", got \"{}\"", spec.runtime.device));
  if (!arguments.gpus.empty() && options.jobs > 0)
    throw ConfigError("--gpus: expected without --jobs: the GPUs and --per-gpu say how many run at a time");
  if (!arguments.gpus.empty()) {
    options.gpus = parse_gpus("--gpus", arguments.gpus);
  } else if (spec.runtime.device == "cuda" && options.jobs == 0) {
    options.gpus = visible_gpus();
  }
  if (options.jobs == 0) {
    const auto cores = static_cast<int64_t>(std::thread::hardware_concurrency());
    options.jobs = std::max<int64_t>(1, cores / std::max<int64_t>(1, spec.runtime.threads));
  }
  options.check_memory = !arguments.no_memory_check;
  options.here = launcher == "local";
  options.retry = spec.retry;
  options.notify = spec.notify;
}

int conclude(const SweepSpec& spec, const SweepOutcome& outcome, const IngestReport& ingested,
             const std::string& db) {
  fmt::print("{}: {} of {} runs done ({} before this call), {} failed, {} not run\n", spec.name, outcome.done,
             outcome.cells, outcome.already_done, outcome.failed.size(), outcome.not_started);
  if (outcome.restarts > 0) fmt::print("{} processes died and were started again\n", outcome.restarts);
  for (const FailedRun& run : outcome.failed) {
    fmt::print("failed {} {}: {}: {}\n", run.key, run.family, run.cause, run.message);
  }
  for (const FailedRun& run : outcome.not_evaluated)
    fmt::print("not evaluated {} {}: {}: {}\n", run.key, run.family, run.cause, run.message);
  if (!outcome.tuning_problem.empty()) fmt::print("{}\n", outcome.tuning_problem);
  for (const IngestProblem& problem : ingested.problems)
    fmt::print("not ingested: {}: {}\n", problem.path, problem.message);
  fmt::print("{}: {} runs, {} changed\n", db, ingested.runs_seen, ingested.runs_changed);
  if (outcome.interrupted) {
    fmt::print("interrupted; the same command goes on from here\n");
    return static_cast<int>(ExitCode::Interrupted);
  }
  const bool complete =
      outcome.failed.empty() && outcome.not_evaluated.empty() && outcome.tuning_problem.empty();
  return static_cast<int>(complete ? ExitCode::Done : ExitCode::WorldFailed);
}

/// One round: what can start is submitted, what has ended is in the database.
int call_slurm(const Args& args, const SweepArguments& arguments, const SweepSpec& spec,
               const PlanMaker& plan) {
  const SlurmOutcome outcome =
      sweep_by_slurm(args, profile_of(arguments.launcher), plan, arguments.options, arguments.follow_up);
  const IngestReport ingested = ingest_file(arguments.db, {arguments.options.runs.path});
  print_submission(outcome);
  if (outcome.queued == 0) return conclude(spec, outcome.sweep, ingested, arguments.db);
  fmt::print("{}: {} of {} runs done, {} failed, {} queued or running\n", spec.name, outcome.sweep.done,
             outcome.sweep.cells, outcome.sweep.failed.size(), outcome.queued);
  return static_cast<int>(ExitCode::Done);
}

int sweep(const Args& args, SweepArguments& arguments) {
  const SweepSpec spec = read_sweep_spec(arguments.sweep, arguments.overrides);
  check(arguments, spec);
  const std::unique_ptr<Launcher> launcher = make_launcher(arguments.launcher);
  make_directories(arguments.options.runs.path);
  if (spec.budget.match == "seconds") {
    const SpeedBook speeds(arguments.options.runs);
    demand_rates(spec, &speeds);
  }
  FactsCache facts(spec.data, arguments.options.runs.path);
  // Read once: the lock that this call writes is no news to it.
  const std::optional<TuningLock> lock =
      arguments.relock ? std::nullopt : read_tuning_lock(arguments.options.runs, spec.name);
  const PlanMaker plan = [&](const LossLookup& losses) {
    return make_plan(spec, facts.provider(), losses, lock ? &*lock : nullptr);
  };
  // Once before the signals are blocked: reading data and training tokenizers may take minutes and must heed
  // Ctrl-C.
  const Plan first =
      plan([&](const std::string& key) { return loss_of(read_run_state(arguments.options.runs.run(key))); });
  if (!first.lock_problem.empty()) throw ConfigError(first.lock_problem);
  for (const std::string& line : describe(plan_changes(first, arguments.options.runs))) log_warn(line);

  // A database that cannot be written is said now, not after the runs.
  ingest_file(arguments.db, {arguments.options.runs.path});
  if (is_slurm(arguments.launcher)) return call_slurm(args, arguments, spec, plan);
  SignalInbox inbox;
  const SweepOutcome outcome = supervise(
      plan, *launcher, [&](double seconds) { return inbox.wait(seconds); }, arguments.options);
  const IngestReport ingested = ingest_file(arguments.db, {arguments.options.runs.path});
  return conclude(spec, outcome, ingested, arguments.db);
}

}  // namespace

int cmd_sweep(const Args& args) {
  SweepArguments arguments;
  if (!parse(args, arguments)) return 0;
  if (!arguments.follow_up) return sweep(args, arguments);
  try {
    return sweep(args, arguments);
  } catch (const Error& error) {  // of the world, which may be better soon; a wrong input is not
    log_warn(error.what());
    plan_again_from_the_queue();
    throw;
  }
}

}  // namespace aunet
