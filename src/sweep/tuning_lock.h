// RUNS/plans/NAME.lock.toml: what a sweep's tuning came to, resolved once, so that a sweep that grows keeps
// its old cells (DESIGN section 5).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/run_dir.h"
#include "sweep/tuned_family.h"

namespace aunet {

struct LockedFamily {
  std::string hash;  // tuning_hash when it was resolved
  TunedFamily tuned;
};

struct TuningLock {
  std::string sweep;
  std::vector<LockedFamily> families;
  const LockedFamily* find(const std::string& family) const;
};

/// Axes that a family takes part in, in the file's order: those of [tune] axes that apply to it and that it
/// gives no number for. "vocab" needs a trained tokenizer, "split" a list of splits, "byte_width" an AU-Net.
std::vector<std::string> axes_of(const SweepSpec& spec, const FamilySpec& family);

/// Hash of what the tuned values of a family mean: its axes, starts and law, what the family says of them,
/// its model and the length of a window. Not of the budgets, `at`, `max_trials`, sizes or seeds: those may
/// grow under a lock. Data, optimizer and schedule are held by the keys of the trials.
std::string tuning_hash(const SweepSpec& spec, const FamilySpec& family);

/// Numbers with the digits that give them back exactly.
std::string to_toml(const TuningLock& lock);
/// Errors as of every reader: ConfigError `file:line:col: ...`.
TuningLock parse_tuning_lock(const std::string& text, const std::string& file_name);
std::string tuning_lock_path(const RunsRoot& runs, const std::string& sweep);
/// The lock of a sweep, or nothing where there is none.
std::optional<TuningLock> read_tuning_lock(const RunsRoot& runs, const std::string& sweep);

}  // namespace aunet
