// One run from where it stands to its end, in one process: what a cluster's job, an exported job or a command
// launcher executes. Starts the trainer, starts it again as [retry] allows, asks it to checkpoint in time,
// and writes the failed row when nothing helps. All it knows it reads from the run's directory.
#pragma once

#include <string>
#include <vector>

#include "config/engine.h"
#include "core/journal.h"
#include "core/run_dir.h"
#include "sweep/launcher.h"
#include "sweep/supervisor.h"

namespace aunet {

struct WorkerOptions {
  RetrySpec retry{};
  double seconds = 0;      // after which the trainer is asked to checkpoint and stop; 0: never
  bool once = false;       // one attempt: who started us counts and starts again
  std::string sweep_stop;  // a further stop file: RunsRoot::sweep_stop(); "": none
};

enum class WorkEnd {
  Done,     // trained and evaluated
  Failed,   // the run's journal has the cause
  Stopped,  // asked to, by a signal or a stop file
  Timeout,  // the seconds were over; it can go on
};

struct WorkOutcome {
  WorkEnd end = WorkEnd::Done;
  std::string message;  // one line
};

/// Works on a prepared run directory. A run that somebody else works on is waited for. Counts of [retry] go
/// over all processes that have worked on the run since it was last marked as failed or for retry (the
/// journal tells), so that a job that is requeued again and again comes to an end.
/// Throws Error when the trainer cannot be started or the journal not be written.
WorkOutcome work_on(const RunDir& run, Launcher& launcher, const SignalWait& wait,
                    const WorkerOptions& options);

/// Attempts at the end of a journal that added no checkpoint, since the last one that did, and since the last
/// end that was a failure or a mark for retry.
int64_t fruitless_attempts(const std::vector<JournalRecord>& records);

}  // namespace aunet
