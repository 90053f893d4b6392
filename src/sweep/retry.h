// Whether a run whose process has ended is started again: by cause, each with its own limit.
#pragma once

#include <map>
#include <string>

#include "config/engine.h"
#include "core/journal.h"
#include "core/run_dir.h"
#include "sweep/launcher.h"
#include "sweep/run_state.h"

namespace aunet {

/// The causes that [retry] limits.
inline constexpr const char* kRetryCauses[] = {"preempted", "timeout", "oom", "nan", "crash"};

/// Cause of the end record by which `aunet retry` marks a run.
inline constexpr const char* kRetryMark = "retry";

/// The cause of [retry] that a cause of core/journal.h counts as: "diverged" as "nan", "signal" as "crash",
/// "" (interrupted) as "preempted"; "" for gate, config, disk and journal, which no second start cures.
std::string retry_cause(const std::string& journal_cause);

/// Why a process ended that left no end record, as a cause of core/journal.h. A signal that asks or forces to
/// go is somebody's decision ("preempted"), unless the kernel was killing for memory meanwhile (`oom_kills`
/// above 0: "oom"); one that the process raised itself is "signal"; exit code 2 "config"; others "crash".
std::string cause_of(const ProcessEnd& end, int64_t oom_kills);

/// The limit of a cause of kRetryCauses; 0 for other words.
int64_t retry_limit(const RetrySpec& limits, const std::string& cause);

/// Counts the ends of one run in a row.
class RetryCount {
 public:
  explicit RetryCount(RetrySpec limits = {}) : limits_(limits) {}
  /// Counts an end of `cause` (of kRetryCauses; "": never again) and says whether to start again.
  /// `progress`: the attempt added a checkpoint.
  bool allows(const std::string& cause, bool progress);

 private:
  RetrySpec limits_;
  std::map<std::string, int64_t> in_a_row_;
};

/// "preempted=3,timeout=3,...": what `aunet work --retry` reads.
std::string retry_words(const RetrySpec& limits);

/// Step of the newest checkpoint folder, -1 without one. Folders appear by rename: one that is there is
/// complete.
int64_t newest_checkpoint(const RunDir& run);
/// The last line of RUN/log.txt, no more than a few hundred bytes of it; "" without one.
std::string last_log_line(const RunDir& run);

/// Appends a failed end record for a process that left none, under the run's lock; its message is `end` and
/// the log's last line. Returns the message; "" when somebody else holds the run, or when it is done: then
/// nothing is written. Throws Error (disk).
std::string journal_failure(const RunDir& run, const std::string& cause, const std::string& end);

/// Whether a run of this state is one that can be tried again: failed, or stopped on request.
bool can_be_tried_again(const RunDir& run, const RunState& state);
/// Marks it so: an end record "interrupted" with cause "retry", whose message keeps the old cause, under the
/// run's lock; and no stop file. Nothing is deleted, checkpoints stay. One that turns out not to have failed
/// gets no record. False when somebody holds the run.
bool journal_retry(const RunDir& run);

}  // namespace aunet
