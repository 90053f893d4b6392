// What a cluster wants to be told: `aunet sweep --launcher slurm:PROFILE`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace aunet {

struct SlurmProfile {
  std::string partition, account, qos;  // "": the cluster's default
  double time_seconds = 0;              // limit of a task; 0: the partition's
  double margin_seconds = 120;          // before the limit a run is asked to checkpoint
  int64_t gpus = 0;                     // per task
  int64_t cpus = 0;                     // per task; 0: [run] threads
  std::string memory;                   // per task, as sbatch takes it: "16G"; "": the cluster's default
  int64_t at_once = 0;                  // tasks of an array at a time; 0: all
  std::vector<std::string> sbatch;      // further lines of the array, without "#SBATCH"
  std::vector<std::string> setup;       // shell lines before the run: "module load cuda/13.0"
  // The job that ingests and plans again after a round.
  std::string plan_partition;            // "": as above
  double plan_seconds = 1800;            // its time limit
  std::string plan_memory;               // "": the cluster's default
  std::vector<std::string> plan_sbatch;  // further lines
};

/// `name` is a path (it holds a '/' or ends in ".toml"), or the name of a file
/// $XDG_CONFIG_HOME/aunet-lab/slurm/NAME.toml (~/.config without the variable); "" is a profile of defaults.
/// Errors as read_run_config.
SlurmProfile read_slurm_profile(const std::string& name);
SlurmProfile parse_slurm_profile(const std::string& toml_text, const std::string& file_name);

}  // namespace aunet
