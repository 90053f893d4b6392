#include "sweep/worker.h"

#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "sweep/host_memory.h"
#include "sweep/missing_evals.h"
#include "sweep/retry.h"
#include "sweep/run_state.h"
#include "sweep/stop_request.h"

#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <variant>

namespace aunet {

namespace {

constexpr double kPollSeconds = 0.2;

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

class Worker {
 public:
  Worker(const RunDir& run, Launcher& launcher, const SignalWait& wait, const WorkerOptions& options)
      : run_(run), launcher_(launcher), wait_(wait), options_(options), retries_(options.retry) {}
  WorkOutcome work();

 private:
  bool wait_for_others();
  ProcessEnd run_once();
  void look(int signal);
  std::optional<WorkOutcome> judge(const ProcessEnd& end);
  std::optional<WorkOutcome> judge_end(const RunState& state, const ProcessEnd& end);
  WorkOutcome stopped() const;
  WorkOutcome timeout();
  bool limit_reached(const std::string& cause) const;

  const RunDir& run_;
  Launcher& launcher_;
  const SignalWait& wait_;
  const WorkerOptions& options_;
  RetryCount retries_;
  double began_ = now_seconds();
  int64_t checkpoint_at_start_ = -1, oom_kills_at_start_ = 0;
  bool stop_ = false, time_is_up_ = false;
};

/// Notes why the trainer is to stop, if it is.
void Worker::look(int signal) {
  const bool asked = signal == SIGINT || signal == SIGTERM || signal == SIGHUP;
  const bool by_file = is_asked_to_stop(run_.stop()) ||
                       (!options_.sweep_stop.empty() && is_asked_to_stop(options_.sweep_stop));
  stop_ = stop_ || asked || by_file;
  // USR1 is how a scheduler that was asked to warns of the limit (sbatch --signal=B:USR1@N).
  time_is_up_ = time_is_up_ || signal == SIGUSR1 ||
                (options_.seconds > 0 && now_seconds() - began_ >= options_.seconds);
}

/// False when we were told to stop meanwhile.
bool Worker::wait_for_others() {
  bool told = false;
  while (FileLock::is_held_by_someone(run_.lock())) {
    if (!told) log_info(fmt::format("{}: another process works on this run: waiting for it", run_.path));
    told = true;
    look(wait_(kPollSeconds));
    if (stop_ || time_is_up_) return false;
  }
  return true;
}

ProcessEnd Worker::run_once() {
  checkpoint_at_start_ = newest_checkpoint(run_);
  oom_kills_at_start_ = oom_kills();
  const int64_t process = launcher_.start(run_, {});
  bool asked = false;
  while (true) {
    if (const auto end = launcher_.poll(process)) return *end;
    look(wait_(kPollSeconds));
    if (asked || !(stop_ || time_is_up_)) continue;
    log_info(fmt::format("{}: {}: asking for a checkpoint", run_.path, stop_ ? "stopping" : "time is up"));
    asked = launcher_.ask_to_stop(process);
  }
}

WorkOutcome Worker::stopped() const { return {WorkEnd::Stopped, "stopped; the run can go on"}; }

/// Every start of every job counts: the limit must hold over jobs that each begin anew.
bool Worker::limit_reached(const std::string& cause) const {
  if (options_.once) return false;
  const RetrySpec& limits = options_.retry;
  const int64_t limit = cause == "timeout" ? limits.timeout : limits.preempted;
  return fruitless_attempts(read_journal(run_.journal())) > limit;
}

WorkOutcome Worker::timeout() {
  if (exists(run_.journal()) && limit_reached("timeout")) {
    const std::string message =
        journal_failure(run_, "timeout", "the time limit came before a checkpoint, again and again");
    return {WorkEnd::Failed, "timeout: " + message};
  }
  return {WorkEnd::Timeout, "the time limit; the run can go on"};
}

/// nullopt: start it again.
std::optional<WorkOutcome> Worker::judge(const ProcessEnd& end) {
  const RunState state = read_run_state(run_);
  if (state.status == "done") {
    const auto missing = missing_evals(read_run_config(run_.run_toml()), run_);
    if (missing.empty()) return WorkOutcome{WorkEnd::Done, "done"};
    if (stop_) return stopped();
    if (time_is_up_) return timeout();
    return WorkOutcome{WorkEnd::Failed, fmt::format("done, but not evaluated on {}: {}: {}",
                                                    names_of(missing), to_string(end), last_log_line(run_))};
  }
  if (state.status == "running" && !stop_) return std::nullopt;  // somebody was quicker: wait for it
  if (state.status != "failed" && stop_) return stopped();
  if (state.status != "failed" && time_is_up_) return timeout();
  return judge_end(state, end);
}

std::optional<WorkOutcome> Worker::judge_end(const RunState& state, const ProcessEnd& end) {
  const bool failed = state.status == "failed";
  const std::string cause = failed ? state.cause : cause_of(end, oom_kills() - oom_kills_at_start_);
  const std::string how = failed ? state.message : to_string(end);
  const bool progress = newest_checkpoint(run_) > checkpoint_at_start_;
  if (!options_.once && !stop_ && !time_is_up_ && retries_.allows(retry_cause(cause), progress)) {
    log_info(fmt::format("{}: {}: {}: starting it again", run_.path, cause, how));
    return std::nullopt;
  }
  if (failed) return WorkOutcome{WorkEnd::Failed, fmt::format("{}: {}", cause, how)};
  return WorkOutcome{WorkEnd::Failed, fmt::format("{}: {}", cause, journal_failure(run_, cause, how))};
}

WorkOutcome Worker::work() {
  const RunConfig config = read_run_config(run_.run_toml());
  while (true) {
    look(0);
    if (stop_) return stopped();
    if (!wait_for_others()) return stop_ ? stopped() : timeout();
    if (read_run_state(run_).status == "done" && missing_evals(config, run_).empty())
      return {WorkEnd::Done, "done already"};
    if (exists(run_.journal()) && limit_reached("preempted")) {
      const std::string message =
          journal_failure(run_, "preempted", "its process ended without a checkpoint, again and again");
      return {WorkEnd::Failed, "preempted: " + message};
    }
    const ProcessEnd end = run_once();
    if (const auto outcome = judge(end)) return *outcome;
  }
}

}  // namespace

int64_t fruitless_attempts(const std::vector<JournalRecord>& records) {
  int64_t n = 0;
  for (const JournalRecord& record : records) {
    if (std::holds_alternative<AttemptRecord>(record)) ++n;
    if (std::holds_alternative<CheckpointRecord>(record)) n = 0;
    const auto* end = std::get_if<EndRecord>(&record);
    if (end && (end->status == "failed" || end->cause == kRetryMark)) n = 0;
  }
  return n;
}

WorkOutcome work_on(const RunDir& run, Launcher& launcher, const SignalWait& wait,
                    const WorkerOptions& options) {
  return Worker(run, launcher, wait, options).work();
}

}  // namespace aunet
