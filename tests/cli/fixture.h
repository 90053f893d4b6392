// A sweep of small planned runs in a temporary folder, driven through the real `aunet` with the fake trainer.
#pragma once

#include "core/journal.h"
#include "core/run_dir.h"
#include "process.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace aunet {

class SweepFixture {
 public:
  SweepFixture();
  ~SweepFixture();
  SweepFixture(const SweepFixture&) = delete;
  SweepFixture& operator=(const SweepFixture&) = delete;

  /// `aunet WORDS...` in the folder; `fake` is AUNET_FAKE (fake_trainer.cpp).
  Finished aunet(const std::vector<std::string>& words, const std::string& fake = "") const;
  /// `aunet sweep sweep.toml --jobs 2 WORDS...`, not waited for.
  std::unique_ptr<Process> start_sweep(const std::string& fake,
                                       const std::vector<std::string>& words = {}) const;

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  RunsRoot runs() const { return {path("runs")}; }
  /// Journal of every run directory, by key.
  std::map<std::string, std::vector<JournalRecord>> journals() const;
  /// Keys of RUNS/plans/small.json, each once.
  std::vector<std::string> planned_keys() const;
  /// Keys of the run directories, in order.
  std::vector<std::string> prepared_keys() const;
  /// Replaces a text in sweep.toml.
  void edit(const std::string& from, const std::string& to) const;
  /// Gives both families a rate, so that the plan is the grid alone: 8 cells.
  void without_tuning() const;

 private:
  Environment environment(const std::string& fake) const;
  std::vector<std::string> command(const std::vector<std::string>& words) const;
  std::string folder_;
};

/// Steps that were executed, over all attempts.
int64_t steps_executed(const std::vector<JournalRecord>& journal);

}  // namespace aunet
