// `aunet sweep --launcher slurm`: plans, submits what can start now as one job array, and ends. A small job
// that waits for the array plans again: the next round of a tuning, branches whose parents are there, runs
// whose jobs were lost. Nothing has to stay alive on a login node.
//
//   RUNS/plans/NAME.slurm/round-3.keys   key of each task
//                         round-3.sh     what sbatch was given; round-3-7.log: a task's own output
//                         round-3.json   {"job", "keys", "attempts", "failed", "follow_up", "asked",
//                         "closed"}; written after
//                                the submission
//                         plan-3.sh      the job that plans round 4; plan-3.log
#pragma once

#include <string>
#include <vector>

#include "config/slurm_profile.h"
#include "sweep/slurm.h"
#include "sweep/supervisor.h"

namespace aunet {

struct SlurmOptions {
  SlurmProfile profile;
  std::string program;     // path of `aunet`
  std::string command;     // shell words of the call that plans again; "": nobody plans again
  bool follow_up = false;  // we are that call: failed runs stay so, stop files are obeyed, evaluations are
                           // tried once, and a run whose tasks end before they begin fails in the end
};

struct SlurmOutcome {
  SweepOutcome sweep;     // as the journals say now
  int64_t submitted = 0;  // runs, by this call
  int64_t queued = 0;     // runs that wait or run under Slurm or elsewhere, those included
  std::vector<std::string> jobs;
  std::string follow_up;  // job that plans again; "": none, all is done or cannot go on
};

/// One call. `supervisor` has runs, only, retry, notify and the checks; jobs and GPUs are the cluster's.
/// Throws Error when another call or supervisor holds the sweep, or Slurm does not answer: then nothing is
/// known of the queue, and nothing is submitted twice on a guess.
SlurmOutcome submit_round(const PlanMaker& plan, const Slurm& slurm, const SupervisorOptions& supervisor,
                          const SlurmOptions& options);

/// Jobs of the sweep, arrays and the one that plans again, that no later call has seen ended. Slurm is not
/// asked.
std::vector<std::string> open_slurm_jobs(const RunsRoot& runs, const std::string& sweep);

}  // namespace aunet
