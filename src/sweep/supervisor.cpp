#include "sweep/supervisor.h"

#include "core/error.h"
#include "core/file.h"
#include "core/journal.h"
#include "core/log.h"
#include "core/text.h"
#include "sweep/cell_json.h"
#include "sweep/claim_register.h"
#include "sweep/missing_evals.h"
#include "sweep/prepare_run.h"
#include "sweep/run_queue.h"
#include "sweep/run_state.h"
#include "sweep/run_tree.h"
#include "sweep/speed.h"
#include "sweep/tuning_lock.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>

namespace aunet {

namespace {

constexpr double kPollSeconds = 0.1;   // a child's end wakes the loop at once; this is for adopted runs
constexpr double kFindSeconds = 5;     // how long a stop looks for the process of an adopted run
constexpr double kDiskReserve = 64e6;  // bytes left free for the database and logs

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Step of the newest checkpoint folder, -1 without one. Folders appear by rename: one that is there is
/// complete.
int64_t newest_checkpoint(const RunDir& run) {
  int64_t step = -1;
  for (const std::string& name : list_directory(run.checkpoints())) {
    long long number = 0;
    int length = 0;
    const bool matches = std::sscanf(name.c_str(), "step-%lld%n", &number, &length) == 1;
    if (matches && length == static_cast<int>(name.size())) step = std::max<int64_t>(step, number);
  }
  return step;
}

std::string last_log_line(const RunDir& run) {
  if (!exists(run.log())) return "";
  const std::string text = read_file(run.log());
  const std::string_view lines = trim(text);
  const size_t newline = lines.find_last_of("\n\r");
  return std::string(newline == std::string_view::npos ? lines : lines.substr(newline + 1));
}

int64_t last_attempt_pid(const RunDir& run) {
  int64_t pid = 0;
  if (!exists(run.journal())) return pid;
  for (const JournalRecord& record : read_journal(run.journal())) {
    if (const auto* attempt = std::get_if<AttemptRecord>(&record)) pid = attempt->pid;
  }
  return pid;
}

class Supervisor {
 public:
  Supervisor(const PlanMaker& plan, Launcher& launcher, const SignalWait& wait,
             const SupervisorOptions& options)
      : make_plan_(plan),
        launcher_(launcher),
        wait_(wait),
        options_(options),
        speeds_(options.runs),
        queue_(options.runs, options.only) {}

  SweepOutcome run();

 private:
  void plan_again();
  void keep_tuning();
  void take_sweep_lock();
  void check_disk() const;
  void start_waiting();
  void start(Job& job);
  void reap();
  void settle(Job& job, std::optional<ProcessEnd> end);
  void retry_or_give_up(Job& job, const RunState& state, const ProcessEnd& end);
  void give_up(Job& job, const RunState& state, const ProcessEnd& end);
  void fail(Job& job, const std::string& cause, const std::string& message);
  void miss_evaluations(const Job& job, const std::string& names, const ProcessEnd& end);
  void take_signal(int signal);
  void stop_adopted();
  void report();
  void say(const std::string& text);
  bool finished();
  SweepOutcome outcome();

  int64_t n_running() const { return queue_.count(Job::Stage::Running) + queue_.count(Job::Stage::Adopted); }
  RunDir directory(const Job& job) const { return options_.runs.run(job.cell.key); }

  const PlanMaker& make_plan_;
  Launcher& launcher_;
  const SignalWait& wait_;
  const SupervisorOptions& options_;
  SpeedBook speeds_;
  RunQueue queue_;
  Plan plan_;
  std::vector<FailedRun> not_evaluated_;
  std::unique_ptr<FileLock> lock_;
  std::optional<ProgressLine> line_;
  bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  bool stopping_ = false;
  double started_ = now_seconds(), stop_began_ = 0;
  int64_t already_done_ = 0, restarts_ = 0;
};

SweepOutcome Supervisor::run() {
  plan_again();
  already_done_ = queue_.count(Job::Stage::Done);
  if (options_.check_disk) check_disk();
  for (Job* job : queue_.in_stage(Job::Stage::Adopted))
    say(fmt::format("adopted {}, still running", job->cell.key));
  while (true) {
    reap();
    if (!stopping_ && !plan_.tuning_complete && queue_.tuning_has_news()) plan_again();
    if (!stopping_) start_waiting();
    if (finished()) return outcome();
    report();
    take_signal(wait_(kPollSeconds));
  }
}

void Supervisor::plan_again() {
  const auto losses = [this](const std::string& key) {
    return loss_of(read_run_state(options_.runs.run(key)));
  };
  plan_ = make_plan_(losses);
  for (const Cell& cell : plan_.cells) {
    if (cell.key.empty()) {
      throw ConfigError(
          fmt::format("{}: data.declared: expected data to train on, got declared data, which can only "
                      "be planned",
                      plan_.sweep));
    }
  }
  if (!lock_) take_sweep_lock();
  queue_.take(plan_, speeds_);
  const std::string path = options_.runs.plan(plan_.sweep);
  nlohmann::json json = plan_to_json(plan_);
  json["claims"] = registered_claims(path, plan_.claims);
  write_file_atomic(path, json.dump(1));
  keep_tuning();
}

/// The result of the tuning, once it is complete, under the sweep's lock file.
void Supervisor::keep_tuning() {
  if (plan_.lock_text.empty()) return;
  const std::string path = tuning_lock_path(options_.runs, plan_.sweep);
  if (!exists(path) || read_file(path) != plan_.lock_text) write_file_atomic(path, plan_.lock_text);
}

void Supervisor::take_sweep_lock() {
  make_directories(options_.runs.path + "/plans");
  const std::string path = options_.runs.path + "/plans/" + plan_.sweep + ".lock";
  lock_ = std::make_unique<FileLock>(path);
  if (!lock_->held()) throw Error(fmt::format("{}: another `aunet sweep` is running this sweep", path));
}

void Supervisor::check_disk() const {
  const double needed = queue_.disk_bytes_needed() + kDiskReserve;
  const auto free = static_cast<double>(free_bytes_on_disk(options_.runs.path));
  if (free >= needed) return;
  throw Error(fmt::format("{}: disk: the runs may need {}, {} are free", options_.runs.path,
                          human_bytes(needed), human_bytes(free)));
}

void Supervisor::start_waiting() {
  while (n_running() < options_.jobs) {
    Job* job = queue_.next();
    if (!job) return;
    start(*job);
  }
}

void Supervisor::start(Job& job) {
  const auto branch = nearest_branch(options_.runs, job.cell);
  job.cell.run.runtime.parent_key = branch ? branch->key : "";
  job.cell.run.runtime.parent_step = branch ? branch->step : 0;
  const RunDir run = prepare_run(options_.runs, job.cell);
  if (FileLock::is_held_by_someone(run.lock())) {  // another sweep that shares this run was quicker
    job.stage = Job::Stage::Adopted;
    return;
  }
  job.checkpoint_at_start = newest_checkpoint(run);
  job.started_seconds = now_seconds();
  job.handle = launcher_.start(run);
  job.stage = Job::Stage::Running;
  const bool resumed = job.checkpoint_at_start > 0;
  say(fmt::format("{} {} ({} {}, about {}){}", resumed ? "resumed" : "started", job.cell.key, job.cell.family,
                  human_flops(job.cell.budget_flops), human_duration(job.estimate.seconds),
                  branch && !resumed ? fmt::format(" from {}@{}", branch->key, branch->step) : ""));
}

void Supervisor::reap() {
  for (Job* job : queue_.in_stage(Job::Stage::Running)) {
    if (const auto end = launcher_.poll(job->handle)) settle(*job, end);
  }
  for (Job* job : queue_.in_stage(Job::Stage::Adopted)) {
    if (!FileLock::is_held_by_someone(directory(*job).lock())) settle(*job, std::nullopt);
  }
}

/// The run is done and stays so; the next call tries these evaluations again.
void Supervisor::miss_evaluations(const Job& job, const std::string& names, const ProcessEnd& end) {
  std::string message = to_string(end);
  if (const std::string line = last_log_line(directory(job)); !line.empty()) message += ": " + line;
  not_evaluated_.push_back({job.cell.key, job.cell.family, names, message});
  line_.reset();
  log_warn(fmt::format("not evaluated {} ({}): {}: {}", job.cell.key, job.cell.family, names, message));
}

/// A process has ended (`end`: of our own child): its journal says what became of the run.
void Supervisor::settle(Job& job, std::optional<ProcessEnd> end) {
  const RunState state = read_run_state(directory(job));
  job.handle = 0;
  job.asked_to_stop = false;
  if (state.status == "done") {
    const auto missing = missing_evals(job.cell.run, directory(job));
    if (!missing.empty() && (stopping_ || !end)) {
      job.evaluating = true;
      job.stage = Job::Stage::Waiting;
      return;
    }
    if (!missing.empty()) miss_evaluations(job, names_of(missing), *end);
    const double seconds = end && !job.evaluating ? now_seconds() - job.started_seconds : 0;
    queue_.done(job, state.heldout_bpb, seconds);
    say(fmt::format("done {} ({} {}): {} bpb", job.cell.key, job.cell.family,
                    human_flops(job.cell.budget_flops),
                    state.heldout_bpb ? fmt::format("{:.4f}", *state.heldout_bpb) : "no"));
  } else if (state.status == "running") {
    job.stage = Job::Stage::Adopted;  // ours found the run taken and left
  } else if (state.status == "failed" && state.cause != "crash" && state.cause != "signal") {
    fail(job, state.cause, state.message);
  } else if (stopping_ || !end) {
    job.stage = Job::Stage::Waiting;
  } else {
    retry_or_give_up(job, state, *end);
  }
}

void Supervisor::retry_or_give_up(Job& job, const RunState& state, const ProcessEnd& end) {
  if (end.code == static_cast<int>(ExitCode::BadInput)) return give_up(job, state, end);
  const bool progress = newest_checkpoint(directory(job)) > job.checkpoint_at_start;
  if (!progress && job.retried) return give_up(job, state, end);
  job.retried = !progress;
  ++restarts_;
  job.stage = Job::Stage::Waiting;
  say(fmt::format("interrupted {} ({}): starting it again", job.cell.key, to_string(end)));
}

/// The process left no end record: the supervisor writes the failed row, under the run's lock.
void Supervisor::give_up(Job& job, const RunState& state, const ProcessEnd& end) {
  const RunDir run = directory(job);
  EndRecord record;
  record.attempt = state.attempt;
  record.step = state.step;
  record.status = "failed";
  record.cause = end.signal                                         ? "signal"
                 : end.code == static_cast<int>(ExitCode::BadInput) ? "config"
                                                                    : "crash";
  record.message = to_string(end);
  if (const std::string line = last_log_line(run); !line.empty()) record.message += ": " + line;
  const FileLock lock(run.lock());
  if (!lock.held()) {
    job.stage = Job::Stage::Adopted;
    return;
  }
  AppendFile journal(run.journal());
  journal.append_line(to_json_line(record));
  journal.sync();
  fail(job, record.cause, record.message);
}

void Supervisor::fail(Job& job, const std::string& cause, const std::string& message) {
  queue_.fail(job, cause, message);
  line_.reset();  // a failure stays on the screen
  log_warn(fmt::format("failed {} ({} {}): {}: {}", job.cell.key, job.cell.family,
                       human_flops(job.cell.budget_flops), cause, message));
}

void Supervisor::take_signal(int signal) {
  const bool timeout = options_.timeout_seconds > 0 && now_seconds() - started_ > options_.timeout_seconds;
  const bool asked = signal == SIGINT || signal == SIGTERM || signal == SIGHUP;
  if (!stopping_ && (asked || timeout)) {
    stopping_ = true;
    stop_began_ = now_seconds();
    line_.reset();
    log_info(fmt::format("{}: asking {} runs to checkpoint (once more to kill them)",
                         asked ? "stopping" : "time is up", n_running()));
    for (Job* job : queue_.in_stage(Job::Stage::Running)) launcher_.ask_to_stop(job->handle);
  } else if (asked) {
    for (Job* job : queue_.in_stage(Job::Stage::Running)) launcher_.kill(job->handle);
    for (Job* job : queue_.in_stage(Job::Stage::Adopted)) {
      if (job->handle) launcher_.kill(job->handle);
    }
  }
  if (stopping_) stop_adopted();
}

/// An adopted run's process is known from its journal, perhaps only in a moment. One that no launcher started
/// (a person's `aunet train`) is left alone.
void Supervisor::stop_adopted() {
  for (Job* job : queue_.in_stage(Job::Stage::Adopted)) {
    if (job->asked_to_stop) continue;
    const RunDir run = directory(*job);
    if (const auto handle = launcher_.find(run, last_attempt_pid(run))) {
      job->handle = *handle;
      job->asked_to_stop = launcher_.ask_to_stop(*handle);
    }
    if (!job->asked_to_stop && now_seconds() - stop_began_ > kFindSeconds) {
      log_warn(fmt::format("{}: left running: its process was not started by a sweep", job->cell.key));
      job->stage = Job::Stage::Waiting;
    }
  }
}

/// An event: a plain line where there is no terminal (there the progress line tells).
void Supervisor::say(const std::string& text) {
  if (!terminal_) log_info(text);
}

void Supervisor::report() {
  if (!line_) line_.emplace(60);
  line_->show(queue_.progress(options_.jobs, now_seconds()));
}

bool Supervisor::finished() { return n_running() == 0 && (stopping_ || !queue_.next()); }

SweepOutcome Supervisor::outcome() {
  if (line_) line_->show(queue_.progress(options_.jobs, now_seconds()), true);
  line_.reset();
  SweepOutcome result;
  result.cells = queue_.cells();
  result.done = queue_.count(Job::Stage::Done);
  result.already_done = already_done_;
  result.restarts = restarts_;
  result.not_evaluated = not_evaluated_;
  result.interrupted = stopping_;
  for (const Job* job : queue_.in_stage(Job::Stage::Failed)) result.failed.push_back(job->failure);
  result.not_started = result.cells - result.done - static_cast<int64_t>(result.failed.size());
  if (const Job* trial = queue_.blocking_trial(); trial && !plan_.tuning_complete) {
    result.tuning_problem = fmt::format("the tuning of {} cannot go on: trial {} failed ({})",
                                        trial->cell.family, trial->cell.key, trial->failure.cause);
  }
  return result;
}

}  // namespace

SweepOutcome supervise(const PlanMaker& plan, Launcher& launcher, const SignalWait& wait,
                       const SupervisorOptions& options) {
  return Supervisor(plan, launcher, wait, options).run();
}

}  // namespace aunet
