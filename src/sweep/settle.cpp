// What became of the runs whose processes have ended: sweep/supervisor_loop.h.
#include "core/text.h"
#include "sweep/host_memory.h"
#include "sweep/missing_evals.h"
#include "sweep/stop_request.h"
#include "sweep/supervisor_loop.h"

#include <fmt/format.h>

namespace aunet {

void Supervisor::reap() {
  for (Job* job : queue_.in_stage(Job::Stage::Running)) {
    if (const auto end = launcher_.poll(job->handle)) settle(*job, end);
  }
  for (Job* job : queue_.in_stage(Job::Stage::Adopted)) {
    if (!FileLock::is_held_by_someone(directory(*job).lock())) settle(*job, std::nullopt);
  }
}

/// A process has ended (`end`: of our own child): its journal says what became of the run.
void Supervisor::settle(Job& job, std::optional<ProcessEnd> end) {
  const RunState state = read_run_state(directory(job));
  job.handle = 0;
  job.asked_to_stop = false;
  if (state.status == "done") return finish(job, state, end);
  if (state.status == "running") return adopt(job, state);  // ours found the run taken and left
  const bool failed = has_failed(job, state);
  if (!failed && is_asked_to_stop(directory(job).stop())) {
    job.stage = Job::Stage::Stopped;
    say(fmt::format("stopped {} on request", job.cell.key));
  } else if (!failed && stopping_) {
    job.stage = Job::Stage::Waiting;
  } else {
    retry_or_give_up(job, state, end);
  }
}

void Supervisor::finish(Job& job, const RunState& state, std::optional<ProcessEnd> end) {
  const auto missing = missing_evals(job.cell.run, directory(job));
  if (!missing.empty() && (stopping_ || !end)) {
    job.evaluating = true;
    job.stage = Job::Stage::Waiting;
    return;
  }
  if (!missing.empty()) miss_evaluations(job, names_of(missing), *end);
  const double seconds = end && !job.evaluating ? steady_seconds() - job.started_seconds : 0;
  queue_.done(job, state.heldout_bpb, seconds);
  say(fmt::format("done {} ({} {}): {} bpb", job.cell.key, job.cell.family,
                  human_flops(job.cell.budget_flops),
                  state.heldout_bpb ? fmt::format("{:.4f}", *state.heldout_bpb) : "no"));
}

/// The run is done and stays so; the next call tries these evaluations again.
void Supervisor::miss_evaluations(const Job& job, const std::string& names, const ProcessEnd& end) {
  std::string message = to_string(end);
  if (const std::string line = last_log_line(directory(job)); !line.empty()) message += ": " + line;
  not_evaluated_.push_back({job.cell.key, job.cell.family, names, message});
  line_.reset();
  log_warn(fmt::format("not evaluated {} ({}): {}: {}", job.cell.key, job.cell.family, names, message));
}

void Supervisor::retry_or_give_up(Job& job, const RunState& state, std::optional<ProcessEnd> end) {
  const bool failed = has_failed(job, state);  // its trainer said so itself
  const std::string how = end ? to_string(*end) : "its process ended without a result";
  const std::string cause = failed ? state.cause
                            : end  ? cause_of(*end, options_.here ? oom_kills() - job.oom_kills_at_start : 0)
                                   : "preempted";
  const bool progress = newest_checkpoint(directory(job)) > job.checkpoint_at_start;
  RetryCount& count = retries_.try_emplace(job.cell.key, options_.retry).first->second;
  if (!stopping_ && count.allows(retry_cause(cause), progress)) {
    ++restarts_;
    job.stage = Job::Stage::Waiting;
    say(fmt::format("interrupted {} ({}: {}): starting it again", job.cell.key, cause,
                    failed ? state.message : how));
  } else if (failed) {
    fail(job, state.cause, state.message);
  } else {
    give_up(job, cause, how);
  }
}

/// A failure that was there before the process is none of its own: it may not have come to its journal.
bool Supervisor::has_failed(const Job& job, const RunState& state) {
  return state.status == "failed" && state.attempt > job.attempts_ended;
}

/// The process left no end record: the supervisor writes the failed row.
void Supervisor::give_up(Job& job, const std::string& cause, const std::string& how) {
  const std::string message = journal_failure(directory(job), cause, how);
  if (message.empty()) return adopt(job, read_run_state(directory(job)));  // taken meanwhile, or even done
  fail(job, cause, message);
}

void Supervisor::fail(Job& job, const std::string& cause, const std::string& message) {
  queue_.fail(job, cause, message);
  line_.reset();  // a failure stays on the screen
  log_warn(fmt::format("failed {} ({} {}): {}: {}", job.cell.key, job.cell.family,
                       human_flops(job.cell.budget_flops), cause, message));
  notifier_->tell("failure", job.cell.key, cause + ": " + message);
}

}  // namespace aunet
