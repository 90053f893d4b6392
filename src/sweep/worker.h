// One run from where it stands to its end, in one process: what a cluster's job, an exported job or a command
// launcher executes. Starts the trainer, starts it again as [retry] allows, asks it to checkpoint in time,
// and writes the failed row when nothing helps. All it knows it reads from the run's directory.
#pragma once

#include <cstdint>
#include <map>
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
  bool requeued = false;   // who started us starts us again: a SIGTERM is a preemption, not a person's stop
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
  bool began = false;   // an attempt record was written meanwhile
};

/// Works on a prepared run directory. A run that somebody else works on is waited for. Counts of [retry] go
/// over all processes that have worked on the run since it was last marked as failed or for retry (the
/// journal tells), so that a job that is requeued again and again comes to an end.
/// Throws Error when the trainer cannot be started or the journal not be written.
WorkOutcome work_on(const RunDir& run, Launcher& launcher, const SignalWait& wait,
                    const WorkerOptions& options);

/// Ends in a row that added nothing, by cause of [retry]: of attempts since the last checkpoint, the last
/// end that was "done" or "failed" and the last mark for retry. `judged`: causes by number of attempt, as the
/// worker saw them; without one an attempt that left no end record was preempted, and one that ended when it
/// was asked to had no time.
std::map<std::string, int64_t> fruitless_ends(const std::vector<JournalRecord>& records,
                                              const std::map<int64_t, std::string>& judged = {});

}  // namespace aunet
