#include "cli/stop.h"

#include "cli/find_run.h"
#include "cli/select_runs.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "sweep/launcher.h"
#include "sweep/run_state.h"
#include "sweep/slurm_round.h"
#include "sweep/stop_request.h"
#include "sweep/sweep_lock.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

namespace aunet {
namespace po = boost::program_options;

namespace {

constexpr double kDefaultWait = 120;  // seconds: a step and a checkpoint of a large model

/// What was asked to stop, and is looked at until it has.
struct Stopping {
  std::set<std::string> sweeps, keys;
  std::set<std::string> later;  // runs that a person named and that do not run: one may be in a queue
};

bool is_running(const RunsRoot& runs, const std::string& key) {
  return FileLock::is_held_by_someone(runs.run(key).lock());
}

Stopping targets(const RunsRoot& runs, const std::vector<std::string>& names) {
  Selection selection = select_runs(runs, names);
  if (names.empty()) selection = {all_sweeps(runs), all_keys(runs)};
  Stopping stopping;
  for (const std::string& sweep : selection.sweeps) {
    stopping.sweeps.insert(sweep);
    for (const std::string& key : keys_of_sweep(runs, sweep)) stopping.keys.insert(key);
  }
  stopping.keys.insert(selection.keys.begin(), selection.keys.end());
  std::erase_if(stopping.keys, [&](const std::string& key) { return !is_running(runs, key); });
  if (!names.empty()) {
    for (const std::string& key : selection.keys)
      if (!stopping.keys.count(key) && read_run_state(runs.run(key)).status != "done")
        stopping.later.insert(key);
  }
  std::erase_if(stopping.sweeps, [&](const std::string& sweep) {
    return holder_of_sweep(runs, sweep).pid == 0 && open_slurm_jobs(runs, sweep).empty();
  });
  return stopping;
}

/// The file first: a supervisor that sees the process end must know why.
void ask(const RunsRoot& runs, Launcher& launcher, const Stopping& stopping) {
  for (const std::string& sweep : stopping.sweeps) ask_to_stop(runs.sweep_stop(sweep));
  for (const std::string& key : stopping.later) ask_to_stop(runs.run(key).stop());
  for (const std::string& key : stopping.keys) {
    const RunDir run = runs.run(key);
    ask_to_stop(run.stop());
    const auto process = launcher.find(run, last_attempt_pid(run));
    // A group of its own when a launcher started it; a person's `aunet train` is part of the shell's.
    if (process && !launcher.ask_to_stop(*process)) ::kill(static_cast<pid_t>(*process), SIGTERM);
  }
}

void keep_what_runs(const RunsRoot& runs, Stopping& stopping) {
  std::erase_if(stopping.keys, [&](const std::string& key) { return !is_running(runs, key); });
  std::erase_if(stopping.sweeps,
                [&](const std::string& sweep) { return holder_of_sweep(runs, sweep).pid == 0; });
}

}  // namespace

int cmd_stop(const Args& args) {
  po::options_description options("options");
  std::string folder = "runs";
  std::vector<std::string> names;
  double wait_seconds = kDefaultWait;
  options.add_options()("names", po::value(&names),
                        "sweep files, names of sweeps, or runs; nothing: all that runs in RUNS")(
      "runs", po::value(&folder)->default_value(folder), "folder of run directories")(
      "wait", po::value(&wait_seconds)->default_value(kDefaultWait, "120"),
      "seconds to wait for the end; 0: ask only");
  po::variables_map values;
  if (!parse_command_line(args, "aunet stop [SWEEP|KEY...] [options]", "aunet stop sweeps/quickstart.toml",
                          options, {"names..."}, values)) {
    return 0;
  }
  if (!(wait_seconds >= 0))
    throw ConfigError(fmt::format("--wait: expected seconds >= 0, got {}", wait_seconds));
  const RunsRoot runs{folder};
  Stopping stopping = targets(runs, names);
  if (stopping.sweeps.empty() && stopping.keys.empty() && stopping.later.empty()) {
    fmt::print("{}: nothing that runs\n", folder);
    return static_cast<int>(ExitCode::Done);
  }
  fmt::print("asking {} sweeps and {} runs to checkpoint and stop\n", stopping.sweeps.size(),
             stopping.keys.size());
  for (const std::string& key : stopping.later)
    fmt::print("{}: does not run, and does not start until `aunet sweep` or `retry` asks for it\n", key);
  std::fflush(stdout);
  std::vector<std::string> jobs;  // they end as soon as they begin; a person may want them out of the queue
  for (const std::string& sweep : stopping.sweeps)
    for (const std::string& job : open_slurm_jobs(runs, sweep)) jobs.push_back(job);
  if (!jobs.empty())
    fmt::print("tasks that still wait end when they begin; `scancel {}` takes them out of the queue\n",
               join(jobs, " "));
  const auto launcher = make_local_launcher("");
  ask(runs, *launcher, stopping);
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + std::chrono::duration<double>(wait_seconds);
  for (keep_what_runs(runs, stopping); !(stopping.keys.empty() && stopping.sweeps.empty());
       keep_what_runs(runs, stopping)) {
    if (Clock::now() >= until) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  for (const std::string& sweep : stopping.sweeps) {
    const SweepHolder holder = holder_of_sweep(runs, sweep);
    fmt::print("still running: sweep {} (process {} on {})\n", sweep, holder.pid, holder.host);
  }
  for (const std::string& key : stopping.keys) fmt::print("still running: {}\n", key);
  if (!stopping.keys.empty() || !stopping.sweeps.empty()) return static_cast<int>(ExitCode::WorldFailed);
  fmt::print("stopped; `aunet sweep` goes on from the checkpoints\n");
  return static_cast<int>(ExitCode::Done);
}

}  // namespace aunet
