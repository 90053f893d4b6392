#include "sweep/supervisor.h"

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "sweep/host_memory.h"
#include "sweep/plan_files.h"
#include "sweep/prepare_run.h"
#include "sweep/run_tree.h"
#include "sweep/stop_request.h"
#include "sweep/supervisor_loop.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>

namespace aunet {

namespace {

constexpr double kPollSeconds = 0.1;    // a child's end wakes the loop at once; this is for adopted runs
constexpr double kLookSeconds = 1;      // between looks at journals and stop files of single runs
constexpr double kSearchSeconds = 0.5;  // between looks for the process of an adopted run
constexpr double kLongestSearchPause = 60;
constexpr double kFindSeconds = 5;  // how long a stop looks for the process of an adopted run

/// Host memory of a run: what the planner counts, where it is not on a GPU, and the process itself.
double memory_of(const Cell& cell) {
  return kProcessBytes + (cell.run.runtime.device == "cpu" ? cell.memory_bytes : 0);
}

}  // namespace

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Supervisor::Supervisor(const PlanMaker& plan, Launcher& launcher, const SignalWait& wait,
                       const SupervisorOptions& options)
    : make_plan_(plan),
      launcher_(launcher),
      wait_(wait),
      options_(options),
      slots_(options.jobs, options.gpus, options.per_gpu),
      speeds_(options.runs),
      queue_(options.runs, options.only),
      stalls_(options.notify),
      terminal_(::isatty(STDERR_FILENO) == 1),
      started_(steady_seconds()) {}

SweepOutcome Supervisor::run() {
  plan_again();
  already_done_ = queue_.count(Job::Stage::Done);
  if (options_.check_disk) refuse_full_disk(options_.runs, queue_.disk_bytes_needed());
  if (options_.check_memory && options_.here) check_memory();
  for (Job* job : queue_.in_stage(Job::Stage::Adopted))
    say(fmt::format("adopted {}, still running", job->cell.key));
  while (true) {
    reap();
    if (!stopping_ && !plan_.tuning_complete && queue_.tuning_has_news()) plan_again();
    if (!stopping_) start_waiting();
    if (finished()) return outcome();
    report();
    take_signal(wait_(kPollSeconds));
    if (steady_seconds() - looked_at_ < kLookSeconds) continue;
    looked_at_ = steady_seconds();
    heed_stop_files();
    look_for_stalls();
    notifier_->reap();
  }
}

void Supervisor::plan_again() {
  const auto losses = [this](const std::string& key) {
    return loss_of(read_run_state(options_.runs.run(key)));
  };
  plan_ = make_plan_(losses);
  refuse_declared_data(plan_);
  if (!lock_) begin_sweep();
  queue_.take(plan_, speeds_);
  write_plan_files(options_.runs, plan_);
}

/// The lock; and what was asked to stop in an earlier call is wanted again.
void Supervisor::begin_sweep() {
  lock_ = std::make_unique<SweepLock>(options_.runs, plan_.sweep);
  notifier_ = std::make_unique<Notifier>(options_.notify.command, plan_.sweep);
  withdraw_stop(options_.runs.sweep_stop(plan_.sweep));
  for (const Cell& cell : plan_.cells) {
    const RunDir run = options_.runs.run(cell.key);
    if (cell.key.starts_with(options_.only) && !FileLock::is_held_by_someone(run.lock()))
      withdraw_stop(run.stop());
  }
}

/// A run that cannot fit even alone is said now, not after days of the others.
void Supervisor::check_memory() {
  const double available = available_memory_bytes();
  if (available <= 0 || queue_.count(Job::Stage::Adopted) > 0) return;
  for (const Job* job : queue_.in_stage(Job::Stage::Waiting)) {
    if (memory_of(job->cell) <= available) continue;
    throw Error(fmt::format(
        "memory: run {} ({} {}) may need {}, {} are available (--no-memory-check starts it all the same)",
        job->cell.key, job->cell.family, human_flops(job->cell.budget_flops),
        human_bytes(memory_of(job->cell)), human_bytes(available)));
  }
}

std::vector<Job*> Supervisor::alive() {
  std::vector<Job*> jobs = queue_.in_stage(Job::Stage::Running);
  for (Job* job : queue_.in_stage(Job::Stage::Adopted)) jobs.push_back(job);
  return jobs;
}

void Supervisor::start_waiting() {
  while (const std::optional<Placement> place = free_place()) {
    Job* job = queue_.next();
    if (!job) return;
    if (is_asked_to_stop(directory(*job).stop())) {
      job->stage = Job::Stage::Stopped;
      continue;
    }
    if (!options_.check_memory || !options_.here || has_memory_for(*job)) {
      start(*job, *place);
    } else if (job->stage == Job::Stage::Waiting) {
      return;
    }
  }
}

std::optional<Placement> Supervisor::free_place() {
  std::vector<Placement> taken;
  for (Job* job : alive()) {
    if (!options_.gpus.empty() && job->stage == Job::Stage::Adopted) find_process(*job, false);
    taken.push_back(job->placement);
  }
  return slots_.next(taken);
}

/// Beside those that were started and have not taken all that they may need yet. A run for which there is
/// none although nothing of ours runs would wait without end: it fails.
bool Supervisor::has_memory_for(Job& job) {
  double free = available_memory_bytes();
  if (free <= 0) return true;  // nobody knows
  for (const Job* other : alive()) {
    const double resident = other->handle ? launcher_.memory_bytes(other->handle) : 0;
    if (resident > 0) free -= std::max(0.0, memory_of(other->cell) - resident);
  }
  const bool fits = memory_of(job.cell) <= free;
  if (!fits && alive().empty()) {
    prepare_run(options_.runs, job.cell);
    give_up(job, "oom",
            fmt::format("not started: it may need {}, {} are available and no run of this sweep holds any "
                        "(--no-memory-check starts it all the same)",
                        human_bytes(memory_of(job.cell)), human_bytes(free)));
    return false;
  }
  if (!fits && !memory_told_) {
    log_warn(fmt::format("memory: {} ({}) may need {}, {} are available: it waits", job.cell.key,
                         job.cell.family, human_bytes(memory_of(job.cell)),
                         human_bytes(std::max(0.0, free))));
  }
  memory_told_ = !fits;
  return fits;
}

void Supervisor::start(Job& job, const Placement& placement) {
  const auto branch = nearest_branch(options_.runs, job.cell);
  job.cell.run.runtime.parent_key = branch ? branch->key : "";
  job.cell.run.runtime.parent_step = branch ? branch->step : 0;
  const RunDir run = prepare_run(options_.runs, job.cell);
  if (FileLock::is_held_by_someone(run.lock())) {  // another sweep that shares this run was quicker
    adopt(job, read_run_state(run));
    return;
  }
  job.attempts_ended = read_run_state(run).attempt;
  job.checkpoint_at_start = newest_checkpoint(run);
  job.started_seconds = steady_seconds();
  job.oom_kills_at_start = oom_kills();
  job.placement = placement;
  job.handle = launcher_.start(run, placement);
  job.stage = Job::Stage::Running;
  stalls_.forget(job.cell.key);
  const bool resumed = job.checkpoint_at_start > 0;
  say(fmt::format("{} {} ({} {}, about {}){}{}", resumed ? "resumed" : "started", job.cell.key,
                  job.cell.family, human_flops(job.cell.budget_flops), human_duration(job.estimate.seconds),
                  branch && !resumed ? fmt::format(" from {}@{}", branch->key, branch->step) : "",
                  placement.gpu.empty() ? "" : " on GPU " + placement.gpu));
}

void Supervisor::take_signal(int signal) {
  const bool timeout = options_.timeout_seconds > 0 && steady_seconds() - started_ > options_.timeout_seconds;
  const bool asked = signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGUSR1;
  const bool by_file = !stopping_ && is_asked_to_stop(options_.runs.sweep_stop(plan_.sweep));
  if (!stopping_ && (asked || timeout || by_file)) {
    stopping_ = true;
    stop_began_ = steady_seconds();
    line_.reset();
    log_info(fmt::format("{}: asking {} runs to checkpoint (once more to kill them)",
                         asked     ? "stopping"
                         : by_file ? "stopping on request"
                                   : "time is up",
                         n_running()));
    for (Job* job : queue_.in_stage(Job::Stage::Running)) launcher_.ask_to_stop(job->handle);
  } else if (asked) {
    for (Job* job : alive()) {
      if (job->handle) launcher_.kill(job->handle);
    }
  }
  if (stopping_) stop_adopted();
}

/// The process of an adopted run is known from its journal, perhaps only in a moment; that of another machine
/// never is, so that the looks become rare (but for `urgent` ones: somebody waits).
void Supervisor::find_process(Job& job, bool urgent) {
  const double pause = urgent ? kSearchSeconds : std::max(kSearchSeconds, job.search_pause);
  if (job.handle || steady_seconds() - job.searched_seconds < pause) return;
  job.searched_seconds = steady_seconds();
  job.search_pause = std::min(kLongestSearchPause, 2 * pause);
  const RunDir run = directory(job);
  if (const auto handle = launcher_.find(run, last_attempt_pid(run))) {
    job.handle = *handle;
    job.placement = launcher_.placement_of(*handle);
  }
}

/// One that no launcher started (a person's `aunet train`) is left alone.
void Supervisor::stop_adopted() {
  for (Job* job : queue_.in_stage(Job::Stage::Adopted)) {
    if (job->asked_to_stop) continue;
    find_process(*job, true);
    if (job->handle) job->asked_to_stop = launcher_.ask_to_stop(job->handle);
    if (!job->asked_to_stop && steady_seconds() - stop_began_ > kFindSeconds) {
      log_warn(fmt::format("{}: left running: its process was not started by a sweep", job->cell.key));
      job->stage = Job::Stage::Waiting;
    }
  }
}

/// `aunet stop KEY`: one run of many.
void Supervisor::heed_stop_files() {
  for (Job* job : alive()) {
    if (job->asked_to_stop || !is_asked_to_stop(directory(*job).stop())) continue;
    find_process(*job, true);
    if (job->handle) job->asked_to_stop = launcher_.ask_to_stop(job->handle);
  }
}

void Supervisor::look_for_stalls() {
  for (Job* job : alive()) {
    const auto message = stalls_.look(job->cell.key, directory(*job), steady_seconds());
    if (!message) continue;
    line_.reset();
    log_warn(fmt::format("stalled {} ({}): {}", job->cell.key, job->cell.family, *message));
    notifier_->tell("stall", job->cell.key, *message);
  }
}

/// An event: a plain line where there is no terminal (there the progress line tells).
void Supervisor::say(const std::string& text) {
  if (!terminal_) log_info(text);
}

void Supervisor::report() {
  if (!line_) line_.emplace(60);
  line_->show(queue_.progress(slots_.size(), steady_seconds()));
}

bool Supervisor::finished() { return n_running() == 0 && (stopping_ || !queue_.next()); }

SweepOutcome Supervisor::outcome() {
  const std::string progress = queue_.progress(slots_.size(), steady_seconds());
  if (line_) line_->show(progress, true);
  line_.reset();
  SweepOutcome result;
  result.cells = queue_.cells();
  result.done = queue_.count(Job::Stage::Done);
  result.already_done = already_done_;
  result.restarts = restarts_;
  result.not_evaluated = not_evaluated_;
  result.interrupted = stopping_ || queue_.count(Job::Stage::Stopped) > 0;
  for (const Job* job : queue_.in_stage(Job::Stage::Failed)) result.failed.push_back(job->failure);
  result.not_started = result.cells - result.done - static_cast<int64_t>(result.failed.size());
  if (const Job* trial = queue_.blocking_trial(); trial && !plan_.tuning_complete) {
    result.tuning_problem = fmt::format("the tuning of {} cannot go on: trial {} failed ({})",
                                        trial->cell.family, trial->cell.key, trial->failure.cause);
  }
  notifier_->tell("finish", "", (result.interrupted ? "interrupted: " : "") + progress);
  return result;
}

SweepOutcome supervise(const PlanMaker& plan, Launcher& launcher, const SignalWait& wait,
                       const SupervisorOptions& options) {
  return Supervisor(plan, launcher, wait, options).run();
}

}  // namespace aunet
