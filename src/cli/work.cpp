#include "cli/work.h"

#include "cli/find_run.h"
#include "cli/torch_binary.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "core/text.h"
#include "sweep/retry.h"
#include "sweep/signal_inbox.h"
#include "sweep/slurm.h"
#include "sweep/worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <thread>

namespace aunet {
namespace po = boost::program_options;

namespace {

constexpr double kShortestLife = 1;               // seconds
constexpr double kNoLife = 1e-9;                  // 0 would be: nobody kills us
constexpr std::chrono::seconds kRequeueKill(60);  // until Slurm has killed what it requeued

struct WorkArguments {
  std::string run, list, sweep, retry;
  int64_t task = -1;
  double margin = 0, limit = 0, deadline = 0;
  bool slurm = false, once = false;
};

int64_t* limit_of(RetrySpec& spec, const std::string& cause) {
  if (cause == "preempted") return &spec.preempted;
  if (cause == "timeout") return &spec.timeout;
  if (cause == "oom") return &spec.oom;
  if (cause == "nan") return &spec.nan;
  return cause == "crash" ? &spec.crash : nullptr;
}

/// "preempted=3,crash=0": over the defaults of [retry].
RetrySpec parse_retry(const std::string& text) {
  RetrySpec spec;
  for (const std::string& entry : split_on(text, ',')) {
    if (text.empty()) break;
    const size_t equals = entry.find('=');
    int64_t* limit = limit_of(spec, entry.substr(0, equals));
    const std::string number = equals == std::string::npos ? "" : entry.substr(equals + 1);
    const auto [end, error] = limit ? std::from_chars(number.data(), number.data() + number.size(), *limit)
                                    : std::from_chars_result{number.data(), std::errc::invalid_argument};
    if (error != std::errc() || end != number.data() + number.size() || (limit && *limit < 0))
      throw ConfigError(fmt::format(
          "--retry: expected CAUSE=N,... with causes preempted, timeout, oom, nan, crash, got '{}'", text));
  }
  return spec;
}

/// Line `task`, from 0, of the file `list`.
std::string listed_key(const std::string& list, int64_t task) {
  if (!exists(list)) throw ConfigError(fmt::format("--list: {}: no such file", list));
  const std::vector<std::string> lines = split_on(trim(read_file(list)), '\n');
  if (task < 0 || task >= static_cast<int64_t>(lines.size()))
    throw ConfigError(
        fmt::format("--task: expected 0 .. {} (lines of {}), got {}", lines.size() - 1, list, task));
  return lines[static_cast<size_t>(task)];
}

double from_environment(const char* name) {
  const char* text = std::getenv(name);
  return text ? std::strtod(text, nullptr) : 0;
}

/// Seconds until the process will be killed; 0: nobody will. Under Slurm what the controller says is left: no
/// clock of another machine takes part. A deadline is wall time, for what starts us from outside.
double seconds_of_life(const WorkArguments& arguments, const std::string& job) {
  if (arguments.slurm) {
    const Slurm slurm;
    if (const auto left = slurm.seconds_left(job)) return std::max(kNoLife, *left);
    return arguments.limit;
  }
  const double deadline = arguments.deadline > 0 ? arguments.deadline : from_environment("AUNET_DEADLINE");
  if (deadline <= 0) return arguments.limit;
  return std::max(kNoLife, deadline - static_cast<double>(std::time(nullptr)));
}

constexpr double kLeastWork = 5;  // seconds that a margin must leave, or half of the life

/// Of a life of so many seconds those before the trainer is asked to checkpoint: a margin that leaves nothing
/// to train in would checkpoint after every step, for ever.
double seconds_to_work(double life, double margin) {
  if (life < kShortestLife)
    throw ConfigError(fmt::format("no time to work in: {:.3g} s are left before this process is killed",
                                  std::max(0.0, life)));
  if (margin <= std::max(life / 2, life - kLeastWork)) return life - margin;
  log_warn(fmt::format("--margin: {:g} s is more than half of the {:.3g} s that are left: {:.3g} s instead",
                       margin, life, life / 2));
  return life / 2;
}

std::string slurm_job() {
  const char* array = std::getenv("SLURM_ARRAY_JOB_ID");
  const char* task = std::getenv("SLURM_ARRAY_TASK_ID");
  const char* job = std::getenv("SLURM_JOB_ID");
  if (array && task) return fmt::format("{}_{}", array, task);
  if (!job) throw ConfigError("--slurm: expected only in a job of Slurm: SLURM_JOB_ID is not set");
  return job;
}

/// The last act: Slurm kills what it puts back into the queue. A task that did not come to its run's journal
/// ends instead: the job that plans again submits the run, and counts how often.
void back_into_the_queue(const std::string& job, bool began) {
  if (!began) return log_warn(fmt::format("{}: ended before its trainer began: not requeued", job));
  if (Slurm().is_ending(job)) return log_info(fmt::format("{}: cancelled: not requeued", job));
  log_info(fmt::format("{}: back into the queue", job));
  if (Slurm().requeue(job)) std::this_thread::sleep_for(kRequeueKill);
  log_warn(fmt::format("{}: not requeued: the job that plans again will submit the run", job));
}

bool parse(const Args& args, WorkArguments& out, std::string& folder) {
  po::options_description options("options");
  options.add_options()("run", po::value(&out.run), "run directory, or the beginning of a key in RUNS")(
      "runs", po::value(&folder)->default_value(folder), "folder of run directories")(
      "list", po::value(&out.list), "file with a key a line, instead of RUN")(
      "task", po::value(&out.task), "which line of it, from 0")("sweep", po::value(&out.sweep),
                                                                "sweep whose stop file counts as well")(
      "limit", po::value(&out.limit), "seconds after which this process is killed")(
      "deadline", po::value(&out.deadline),
      "Unix time at which this process is killed; also from AUNET_DEADLINE")(
      "margin", po::value(&out.margin)->default_value(120),
      "seconds before that to ask for a checkpoint; half of them when it leaves less than 5 to work in")(
      "retry", po::value(&out.retry), "CAUSE=N,...: limits as in [retry] of a sweep file")(
      "once", po::bool_switch(&out.once), "one attempt, whatever --retry says: the caller starts again")(
      "slurm", po::bool_switch(&out.slurm),
      "in a job of Slurm: the time that the controller says is left; back into the queue when it is over");
  po::variables_map values;
  if (!parse_command_line(args, "aunet work RUN [options]", "aunet work runs/0123456789abcdef --limit 3600",
                          options, {"run"}, values)) {
    return false;
  }
  if (out.run.empty() == out.list.empty())
    throw ConfigError("expected a run or --list FILE --task N, got both or neither");
  for (const double seconds : {out.limit, out.deadline, out.margin})
    if (!(seconds >= 0)) throw ConfigError(fmt::format("expected seconds >= 0, got {}", seconds));
  return true;
}

}  // namespace

int cmd_work(const Args& args) {
  WorkArguments arguments;
  std::string folder = "runs";
  if (!parse(args, arguments, folder)) return static_cast<int>(ExitCode::Done);
  const RunsRoot runs{folder};
  const RunDir run =
      find_run(folder, arguments.list.empty() ? arguments.run : listed_key(arguments.list, arguments.task));
  WorkerOptions options;
  options.retry = parse_retry(arguments.retry);
  options.once = arguments.once;
  options.requeued = arguments.slurm;
  if (!arguments.sweep.empty()) options.sweep_stop = runs.sweep_stop(arguments.sweep);
  const std::string job = arguments.slurm ? slurm_job() : "";
  if (const double life = seconds_of_life(arguments, job); life > 0)
    options.seconds = seconds_to_work(life, arguments.margin);
  const auto launcher = make_local_launcher(torch_binary());
  SignalInbox inbox;
  const WorkOutcome outcome = work_on(
      run, *launcher, [&](double seconds) { return inbox.wait(seconds); }, options);
  fmt::print("{}: {}\n", run.path, outcome.message);
  std::fflush(stdout);
  if (outcome.end == WorkEnd::Done) return static_cast<int>(ExitCode::Done);
  if (outcome.end == WorkEnd::Failed) return static_cast<int>(ExitCode::WorldFailed);
  if (outcome.end == WorkEnd::Timeout && arguments.slurm) back_into_the_queue(job, outcome.began);
  return static_cast<int>(ExitCode::Interrupted);
}

}  // namespace aunet
