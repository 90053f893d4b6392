// Starts and ends the processes that train runs. The supervisor knows runs and journals; a launcher knows
// processes. A launched run outlives its supervisor: what it did is in its journal, whether it lives is in
// its lock.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/run_dir.h"

namespace aunet {

/// How a process ended: by exit(code), or by a signal (then code is -1).
struct ProcessEnd {
  int code = 0;
  int signal = 0;
};
std::string to_string(const ProcessEnd& end);  ///< "exit 1", "killed by SIGKILL"

/// Where a run is put.
struct Placement {
  std::string gpu{};  // CUDA_VISIBLE_DEVICES of its process; "": as ours
};

class Launcher {
 public:
  virtual ~Launcher() = default;
  /// Starts the trainer on a prepared run directory; returns a handle. Throws Error when it cannot be
  /// started.
  virtual int64_t start(const RunDir& run, const Placement& placement) = 0;
  /// The end of a started process, once; nullopt while it lives.
  virtual std::optional<ProcessEnd> poll(int64_t handle) = 0;
  /// Checkpoint and exit 75, please. False when there is no such process (or not one that a launcher
  /// started).
  virtual bool ask_to_stop(int64_t handle) = 0;
  virtual void kill(int64_t handle) = 0;
  /// The process of a run that an earlier launcher started, as a handle to stop or kill (not to poll).
  /// nullopt when it cannot be told; `journal_pid` is that of the journal's last attempt.
  virtual std::optional<int64_t> find(const RunDir& run, int64_t journal_pid) = 0;
  /// Where a process is, as far as it can be told: of an adopted run.
  virtual Placement placement_of(int64_t) { return {}; }
  /// Resident memory, bytes; 0: unknown.
  virtual double memory_bytes(int64_t) { return 0; }
};

/// Children of this process: `TRAINER train-run RUN_DIR`, stdin /dev/null, stdout and stderr appended to
/// RUN_DIR/log.txt. Each has its own process group (a Ctrl-C at the terminal reaches the supervisor only,
/// which passes it on in order) and lives on when the supervisor is killed. Handles are process ids.
std::unique_ptr<Launcher> make_local_launcher(std::string trainer);

/// Process id of the journal's last attempt, read from its end; 0 without one, or when it was begun on
/// another machine: for Launcher::find.
int64_t last_attempt_pid(const RunDir& run);

}  // namespace aunet
