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
#include <map>
#include <optional>
#include <variant>

namespace aunet {

namespace {

constexpr double kPollSeconds = 0.2;
constexpr double kLookSeconds = 1;  // between looks at a folder that other machines share

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

class Worker {
 public:
  Worker(const RunDir& run, Launcher& launcher, const SignalWait& wait, const WorkerOptions& options)
      : run_(run), launcher_(launcher), wait_(wait), options_(options), retries_(options.retry) {}
  WorkOutcome work();

 private:
  std::optional<WorkOutcome> step(const RunConfig& config);
  std::optional<WorkOutcome> at_limit(const RunState& state, const std::string& cause, const char* how);
  bool wait_for_others();
  ProcessEnd run_once();
  void look(int signal);
  void look_for_stop_files();
  std::optional<WorkOutcome> judge(const ProcessEnd& end);
  std::optional<WorkOutcome> judge_end(const RunState& state, bool failed, const ProcessEnd& end);
  WorkOutcome stopped() const { return {WorkEnd::Stopped, "stopped; the run can go on"}; }
  WorkOutcome timeout();

  const RunDir& run_;
  Launcher& launcher_;
  const SignalWait& wait_;
  const WorkerOptions& options_;
  RetryCount retries_;
  std::map<int64_t, std::string> judged_;  // causes of attempts that left no end record that says it
  double began_ = now_seconds(), looked_ = -kLookSeconds;
  int64_t checkpoint_at_start_ = -1, oom_kills_at_start_ = 0, attempt_at_start_ = 0;
  bool stop_ = false, time_is_up_ = false, preempted_ = false;
};

/// Notes why the trainer is to stop, if it is.
void Worker::look(int signal) {
  const bool preempted = signal == SIGTERM && options_.requeued;
  stop_ = stop_ || signal == SIGINT || signal == SIGHUP || (signal == SIGTERM && !preempted);
  look_for_stop_files();
  preempted_ = preempted_ || preempted;
  // USR1 is how a scheduler that was asked to warns of the limit (sbatch --signal=B:USR1@N).
  time_is_up_ = time_is_up_ || preempted || signal == SIGUSR1 ||
                (options_.seconds > 0 && now_seconds() - began_ >= options_.seconds);
}

/// The folder may be shared by a thousand workers.
void Worker::look_for_stop_files() {
  if (now_seconds() - looked_ < kLookSeconds) return;
  looked_ = now_seconds();
  stop_ = stop_ || is_asked_to_stop(run_.stop()) ||
          (!options_.sweep_stop.empty() && is_asked_to_stop(options_.sweep_stop));
}

/// False when we were told to stop meanwhile.
bool Worker::wait_for_others() {
  bool told = false;
  while (FileLock::is_held_by_someone(run_.lock())) {
    if (!told) log_info(fmt::format("{}: another process works on this run: waiting for it", run_.path));
    told = true;
    look(wait_(kLookSeconds));
    if (stop_ || time_is_up_) return false;
  }
  return true;
}

ProcessEnd Worker::run_once() {
  checkpoint_at_start_ = newest_checkpoint(run_);
  oom_kills_at_start_ = oom_kills();
  attempt_at_start_ = read_run_state(run_).attempt;
  const int64_t process = launcher_.start(run_, {});
  bool asked = false;
  while (true) {
    if (const auto end = launcher_.poll(process)) return *end;
    look(wait_(kPollSeconds));
    if (asked || !(stop_ || time_is_up_)) continue;
    log_info(fmt::format("{}: {}: asking for a checkpoint", run_.path,
                         stop_        ? "stopping"
                         : preempted_ ? "preempted"
                                      : "time is up"));
    asked = launcher_.ask_to_stop(process);
  }
}

/// Every start of every job counts: the limit must hold over jobs that each begin anew. A done run stays so,
/// whatever becomes of its evaluations.
std::optional<WorkOutcome> Worker::at_limit(const RunState& state, const std::string& cause,
                                            const char* how) {
  if (options_.once || state.status == "done" || !exists(run_.journal())) return std::nullopt;
  const auto counts = fruitless_ends(read_journal(run_.journal()), judged_);
  const auto count = counts.find(cause);
  if (count == counts.end() || count->second <= retry_limit(options_.retry, cause)) return std::nullopt;
  const std::string message = journal_failure(run_, cause, how);
  if (message.empty()) return std::nullopt;  // somebody else has the run
  return WorkOutcome{WorkEnd::Failed, cause + ": " + message};
}

WorkOutcome Worker::timeout() {
  const auto failed = preempted_ ? at_limit(read_run_state(run_), "preempted",
                                            "preempted before a checkpoint, again and again")
                                 : at_limit(read_run_state(run_), "timeout",
                                            "the time limit came before a checkpoint, again and again");
  if (failed) return *failed;
  return {WorkEnd::Timeout,
          preempted_ ? "preempted; the run can go on" : "the time limit; the run can go on"};
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
  // A failure that was there before is none of this process, which may not even have come to its journal.
  const bool begun = state.attempt > attempt_at_start_, failed = state.status == "failed" && begun;
  if (failed) return judge_end(state, failed, end);
  if (stop_) return stopped();
  if (!time_is_up_) return judge_end(state, failed, end);
  if (begun) judged_[state.attempt] = preempted_ ? "preempted" : "timeout";
  return timeout();
}

std::optional<WorkOutcome> Worker::judge_end(const RunState& state, bool failed, const ProcessEnd& end) {
  const std::string cause = failed ? state.cause : cause_of(end, oom_kills() - oom_kills_at_start_);
  const std::string how = failed ? state.message : to_string(end);
  const bool progress = newest_checkpoint(run_) > checkpoint_at_start_;
  if (!failed && state.attempt > attempt_at_start_) judged_[state.attempt] = retry_cause(cause);
  if (!options_.once && !stop_ && !time_is_up_ && retries_.allows(retry_cause(cause), progress)) {
    log_info(fmt::format("{}: {}: {}: starting it again", run_.path, cause, how));
    return std::nullopt;
  }
  if (failed) return WorkOutcome{WorkEnd::Failed, fmt::format("{}: {}", cause, how)};
  const std::string message = journal_failure(run_, cause, how);
  if (message.empty()) return std::nullopt;  // somebody has taken the run, or even finished it
  return WorkOutcome{WorkEnd::Failed, fmt::format("{}: {}", cause, message)};
}

std::optional<WorkOutcome> Worker::step(const RunConfig& config) {
  look(0);
  if (stop_) return stopped();
  if (!wait_for_others()) return stop_ ? stopped() : timeout();
  const RunState state = read_run_state(run_);
  if (state.status == "done" && missing_evals(config, run_).empty())
    return WorkOutcome{WorkEnd::Done, "done already"};
  if (auto failed = at_limit(state, "preempted", "its process ended without a checkpoint, again and again"))
    return failed;
  return judge(run_once());
}

WorkOutcome Worker::work() {
  const RunConfig config = read_run_config(run_.run_toml());
  const int64_t attempt_before = read_run_state(run_).attempt;
  std::optional<WorkOutcome> outcome;
  while (!outcome) outcome = step(config);
  outcome->began = read_run_state(run_).attempt > attempt_before;
  return *outcome;
}

}  // namespace

std::map<std::string, int64_t> fruitless_ends(const std::vector<JournalRecord>& records,
                                              const std::map<int64_t, std::string>& judged) {
  std::map<std::string, int64_t> counts;
  std::optional<int64_t> open;  // the attempt whose end is not counted yet
  const auto close = [&](const std::string& cause) {
    if (!open) return;
    const auto known = judged.find(*open);
    ++counts[known == judged.end() ? cause : known->second];
    open.reset();
  };
  const auto begin_anew = [&] {
    counts.clear();
    open.reset();
  };
  for (const JournalRecord& record : records) {
    if (const auto* attempt = std::get_if<AttemptRecord>(&record)) {
      close("preempted");
      open = attempt->attempt;
    }
    if (std::holds_alternative<CheckpointRecord>(record)) begin_anew();
    if (const auto* end = std::get_if<EndRecord>(&record)) {
      if (end->status == "done" || end->status == "failed" || end->cause == kRetryMark) begin_anew();
      close("timeout");
    }
  }
  close("preempted");
  return counts;
}

WorkOutcome work_on(const RunDir& run, Launcher& launcher, const SignalWait& wait,
                    const WorkerOptions& options) {
  return Worker(run, launcher, wait, options).work();
}

}  // namespace aunet
