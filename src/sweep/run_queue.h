// The supervisor's list: every run of the plan once, where it stands, which is next. No processes here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sweep/run_state.h"
#include "sweep/speed.h"
#include "sweep/supervisor.h"

namespace aunet {

struct Job {
  enum class Stage { Waiting, Running, Adopted, Done, Failed, Stopped };  // Stopped: until the next call
  Cell cell;
  TimeEstimate estimate;
  Stage stage = Stage::Waiting;
  int64_t handle = 0;                // of a Running job; of an Adopted one once it was found
  int64_t checkpoint_at_start = -1;  // newest checkpoint's step when its process was started; -1: none
  int64_t oom_kills_at_start = 0;    // sweep/host_memory.h
  int64_t attempts_ended = 0;        // when it was started or adopted: a `failed` of these is none of its
  double started_seconds = 0;        // supervisor's clock
  double searched_seconds = -1e9;    // when its process was last looked for
  double search_pause = 0;           // until it is looked for again
  Placement placement;               // of a Running job; of an Adopted one once it was found
  bool asked_to_stop = false;
  double rank_seconds = 0;  // estimate, with those of the longest chain of branches that start from it
  bool evaluating = false;  // trained to its end; only evaluations are missing
  std::optional<double> heldout_bpb;
  FailedRun failure;  // when Failed
};

/// A process that is none of ours works on the job's run, which is in `state`.
void adopt(Job& job, const RunState& state);

class RunQueue {
 public:
  RunQueue(RunsRoot runs, std::string only);

  /// Takes over a new plan: known jobs keep their stage, new ones get it from their run directory. Throws
  /// ConfigError when no run of the plan begins with `only`.
  void take(const Plan& plan, const SpeedBook& speeds);

  /// The waiting job to start now: tuning trials first, then the one with the most work behind it; nullptr
  /// when none waits. A branch of a run tree waits until the checkpoint that it starts from is there, or
  /// until those that could write it have ended.
  Job* next();
  std::vector<Job*> in_stage(Job::Stage stage);
  int64_t count(Job::Stage stage) const;
  int64_t cells() const { return static_cast<int64_t>(jobs_.size()) + n_provisional_; }

  /// True when a trial ended since the last plan and all trials known of its family and budget have ended:
  /// the tuning rule works in rounds, so that what it asks for does not depend on which run was quicker.
  bool tuning_has_news() const;
  /// The failed trial that keeps the tuning from going on; nullptr when there is none.
  const Job* blocking_trial() const;

  /// Records an end; `seconds` of its process, 0 when nobody knows.
  void done(Job& job, std::optional<double> heldout_bpb, double seconds);
  void fail(Job& job, const std::string& cause, const std::string& message);

  /// "12/36 done, 2 running, 1 failed; best bpb aunet2 2.612, bpe 2.701; 3 min 20 s left"
  std::string progress(int64_t slots, double now_seconds) const;
  /// Disk that the unfinished runs may fill, bytes: checkpoints (12 bytes a parameter) and journals.
  double disk_bytes_needed() const;

 private:
  bool is_ready(const Job& job) const;
  void rank_branches();
  double seconds_left(int64_t slots, double now_seconds) const;
  Job make_job(const Cell& cell, const SpeedBook& speeds) const;

  RunsRoot runs_;
  std::string only_;
  std::map<std::string, Job> jobs_;  // by key
  std::vector<Job*> order_;          // as next() hands them out
  int64_t n_provisional_ = 0;
  double provisional_seconds_ = 0, provisional_disk_bytes_ = 0;
  std::map<std::pair<std::string, double>, bool>
      trial_news_;                                      // family, budget: a trial ended since the last plan
  double estimated_of_done_ = 0, seconds_of_done_ = 0;  // of runs done by this supervisor
};

}  // namespace aunet
