// Slurm as we use it: text in, text out, no accounting, no JSON (its schema differs by version), nothing that
// must stay alive. What a run has done is in its journal; Slurm is asked only what still waits or runs.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/slurm_profile.h"

namespace aunet {

/// A job array of one process a run.
struct SlurmArray {
  std::string sweep;
  std::string stem;  // absolute path without ending: STEM.keys is read, STEM-%a.log written
  int64_t n_tasks = 0;
  int64_t threads = 1;  // of a run, where the profile names no cpus
  std::string command;  // shell words that work on line "$SLURM_ARRAY_TASK_ID" of STEM.keys
};

/// Scripts for sbatch. Paths with any characters but line breaks are safe.
std::string slurm_array_script(const SlurmProfile& profile, const SlurmArray& array);
/// The job that plans again when a round has ended; its output goes to `log`.
std::string slurm_plan_script(const SlurmProfile& profile, const std::string& sweep, const std::string& log,
                              const std::string& command);

/// "1-02:03:04", "2:03:04", "3:04": seconds. nullopt for UNLIMITED, NOT_SET, INVALID and other words.
std::optional<double> parse_slurm_time(const std::string& text);
/// Seconds as sbatch takes them, rounded up to whole minutes, its grain: "1-02:04:00".
std::string slurm_time(double seconds);

/// sbatch, squeue and scontrol of PATH. Errors are Error "sbatch: ..." with the command's own words.
class Slurm {
 public:
  /// submit() and queue() ask again for `patience` seconds while the controller does not answer. (A job that
  /// was taken without an answer is then there twice: the lock of its runs keeps the second one waiting.)
  explicit Slurm(double patience = 0) : patience_(patience) {}

  /// Submits the script at `path`; it begins after all jobs of `after` have ended, however, and no earlier
  /// than in `begin_seconds`. Returns the job's id.
  std::string submit(const std::string& path, const std::vector<std::string>& after,
                     int64_t begin_seconds = 0) const;

  /// What of our own jobs waits or runs: array job id -> tasks; a plain job has task -1.
  using Queue = std::map<std::string, std::set<int64_t>>;
  Queue queue() const;

  /// Of the time limit of a job. nullopt without a limit, or when the controller does not answer.
  std::optional<double> seconds_left(const std::string& job) const;
  /// Whether a job is on its way out, as after scancel: nobody wants it back.
  bool is_ending(const std::string& job) const;
  /// Puts our own job back into the queue; it is killed soon after. Tries for a minute while the controller
  /// is away. False when that did not help.
  bool requeue(const std::string& job) const;

 private:
  double patience_;
};

}  // namespace aunet
