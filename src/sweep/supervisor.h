// Runs a sweep to its end: starts what is not done, adopts what still lives, resumes what was interrupted,
// plans again when the tuning rule has news. Keeps nothing in memory that the run directories do not hold:
// kill it at any moment and start another one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "config/engine.h"
#include "core/run_dir.h"
#include "sweep/launcher.h"
#include "sweep/plan.h"

namespace aunet {

/// make_plan with spec and facts bound.
using PlanMaker = std::function<Plan(const LossLookup& losses)>;
/// Waits at most `seconds`; the number of the signal that came, or 0 (sweep/signal_inbox.h).
using SignalWait = std::function<int(double seconds)>;

struct SupervisorOptions {
  RunsRoot runs;
  int64_t jobs = 1;                 // processes at a time; without effect when `gpus` are named
  std::vector<std::string> gpus{};  // a run each sees one of them (sweep/slots.h)
  int64_t per_gpu = 1;              // runs at a time on each
  std::string only;                 // beginning of a key: no other run is started; "": all
  double timeout_seconds = 0;       // stop in order after so long; 0: never
  bool check_disk = true;           // refuse to start when the runs would not fit
  bool check_memory = true;         // likewise, and start a run only while there is memory for it
  bool here = true;                 // trainers are processes of this machine: its memory is theirs
  RetrySpec retry{};
  NotifySpec notify{};
};

struct FailedRun {
  std::string key, family, cause, message;
};

/// Where the sweep stands when supervise() returns.
struct SweepOutcome {
  int64_t cells = 0;  // runs of the last plan, each key once; provisional ones counted
  int64_t done = 0, already_done = 0;
  int64_t not_started = 0;  // waiting when it was stopped, or behind a tuning that cannot go on
  int64_t restarts = 0;     // processes that ended without a result, and were started again
  std::vector<FailedRun> failed;
  std::vector<FailedRun> not_evaluated;  // done, but these [[eval]]s (`cause`) could not be made
  bool interrupted = false;              // by a signal or the timeout: exit code 75
  std::string tuning_problem;            // why the rest was not run; "" when it was
};

/// The loop. Writes RUNS/plans/NAME.json after every plan, RUNS/plans/NAME.lock.toml when tuning is complete,
/// RUNS/KEY/ before every start, and a `failed` end record into the journal of a run whose process left none.
///
/// A run whose process ends without a result is started again as far as [retry] allows for the cause
/// (sweep/retry.h). gate, config and disk are left to the next call, which also forgets all counts.
/// A run for which there is no memory although nothing of the sweep runs fails as "oom", without a start.
/// A branch of a run tree (sweep/run_tree.h) starts from its nearest ancestor's checkpoint as soon as that is
/// there (the ancestor may still be decaying); when all ancestors of this call have ended without one, from
/// step 0.
/// The first SIGINT, SIGTERM or SIGHUP (or the timeout, or RUNS/plans/NAME.stop) asks all runs to checkpoint
/// and waits for them; the second signal kills. A run with a RUNS/KEY/stop is asked alone and not started
/// again. Stop files of earlier calls are removed first. [notify] is told of failures, stalls and the end.
/// Throws Error when another supervisor holds RUNS/plans/NAME.lock, when disk or memory cannot hold the runs,
/// or when no trainer starts.
SweepOutcome supervise(const PlanMaker& plan, Launcher& launcher, const SignalWait& wait,
                       const SupervisorOptions& options);

}  // namespace aunet
