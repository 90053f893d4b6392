// The inside of supervise(): one object for the time of a call. Its functions are in supervisor.cpp (plan,
// start, stop, report) and settle.cpp (what became of a run whose process has ended).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/log.h"
#include "sweep/notifier.h"
#include "sweep/retry.h"
#include "sweep/run_queue.h"
#include "sweep/slots.h"
#include "sweep/stall_watch.h"
#include "sweep/supervisor.h"
#include "sweep/sweep_lock.h"

namespace aunet {

class Supervisor {
 public:
  Supervisor(const PlanMaker& plan, Launcher& launcher, const SignalWait& wait,
             const SupervisorOptions& options);
  SweepOutcome run();

 private:
  // Planning.
  void plan_again();
  void begin_sweep();
  void check_memory();

  // Starting.
  void start_waiting();
  std::optional<Placement> free_place();
  bool has_memory_for(Job& job);
  void start(Job& job, const Placement& placement);

  // Ends: settle.cpp.
  void reap();
  void settle(Job& job, std::optional<ProcessEnd> end);
  void finish(Job& job, const RunState& state, std::optional<ProcessEnd> end);
  void retry_or_give_up(Job& job, const RunState& state, std::optional<ProcessEnd> end);
  static bool has_failed(const Job& job, const RunState& state);
  void give_up(Job& job, const std::string& cause, const std::string& how);
  void fail(Job& job, const std::string& cause, const std::string& message);
  void miss_evaluations(const Job& job, const std::string& names, const ProcessEnd& end);

  // Stopping.
  void take_signal(int signal);
  void stop_adopted();
  void heed_stop_files();
  void find_process(Job& job, bool urgent);

  // Telling.
  void look_for_stalls();
  void report();
  void say(const std::string& text);
  bool finished();
  SweepOutcome outcome();

  int64_t n_running() const { return queue_.count(Job::Stage::Running) + queue_.count(Job::Stage::Adopted); }
  std::vector<Job*> alive();
  RunDir directory(const Job& job) const { return options_.runs.run(job.cell.key); }

  const PlanMaker& make_plan_;
  Launcher& launcher_;
  const SignalWait& wait_;
  const SupervisorOptions& options_;
  Slots slots_;
  SpeedBook speeds_;
  RunQueue queue_;
  StallWatch stalls_;
  Plan plan_;
  std::map<std::string, RetryCount> retries_;  // by key
  std::vector<FailedRun> not_evaluated_;
  std::unique_ptr<SweepLock> lock_;
  std::unique_ptr<Notifier> notifier_;
  std::optional<ProgressLine> line_;
  bool terminal_;
  bool stopping_ = false, memory_told_ = false;
  double started_, stop_began_ = 0, looked_at_ = 0;
  int64_t already_done_ = 0, restarts_ = 0;
};

/// Seconds of a clock that no jump of the wall clock moves.
double steady_seconds();

}  // namespace aunet
