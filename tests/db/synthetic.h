// Run directories made for tests: configurations through config/, journals through core/journal.h.
#pragma once

#include "config/run_config.h"
#include "core/journal.h"
#include "db/ingest.h"

#include <cstdint>
#include <string>
#include <vector>

namespace aunet::testing {

/// A folder under the system's temporary one that goes when the object does.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// A resolved AU-Net run (dims 32,64) or BPE run (dim 32, vocabulary 1024) of 10 steps of 4 windows.
RunConfig aunet_run(uint64_t seed = 0, double lr = 0.03);
RunConfig bpe_run(uint64_t seed = 0, double lr = 0.01);

/// Writes RUNS/KEY/run.toml; returns RUNS/KEY.
std::string make_run(const std::string& runs, const RunConfig& run);
/// Appends records to the directory's journal.
void append(const std::string& directory, const std::vector<JournalRecord>& records);

AttemptRecord attempt(int64_t number, int64_t from_step = 0);
/// Cumulative values are multiples of the step: bytes 2000, units 2008, paper 1e9, useful 2e9, executed 3e9
/// FLOPs.
StepRecord step(int64_t attempt, int64_t number);
std::vector<JournalRecord> steps(int64_t attempt, int64_t from, int64_t to);  // from..to, both included
EvalRecord heldout(const RunConfig& run, int64_t attempt, int64_t step, double loss_bpb);
GateRecord gate(int64_t attempt, int64_t step, const std::string& verdict);
EndRecord end(int64_t attempt, int64_t step, const std::string& status, const std::string& cause = "");
/// A whole undisturbed run.
std::vector<JournalRecord> finished(const RunConfig& run, double loss_bpb);

/// A plan file RUNS/plans/NAME.json whose cells are JSON texts.
void write_plan_file(const std::string& runs, const std::string& sweep, const std::vector<std::string>& cells,
                     const std::vector<std::string>& excluded = {});
/// The planner's JSON for a cell of `run`, as far as the database reads it.
std::string cell_json(const RunConfig& run, const std::string& role, double budget, int64_t size_index);

/// Every row of every table but `source`, as text in a stable order: what two equal databases share.
std::string content(Db& db);
/// First value of the first row.
std::string scalar(Db& db, const std::string& sql);

}  // namespace aunet::testing
