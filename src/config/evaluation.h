// Further evaluations: [[eval]] of sweeps and experiments, and the identity of each.
#pragma once

#include <string>
#include <vector>

#include "config/reader.h"
#include "config/run_config.h"

namespace aunet {

/// The [[eval]] tables of a file: name, paths, corrupt, rate, seed; `fingerprint` too in a run.toml
/// (`resolved`). Names are unique and not "heldout". Relative paths are seen from `base_folder`. Throws
/// ConfigError.
std::vector<EvalConfig> read_evals(const Table& root, const std::string& base_folder, bool resolved);

/// Identity of an evaluation's number, 16 hex digits: hash of (train_key, fingerprint of the clean text,
/// corruption and, of typos, rate and seed, context_bytes, scorer version). The name is not part of it.
/// Throws BugError when the text has no fingerprint.
std::string eval_key(const RunConfig& run, const EvalConfig& eval);

}  // namespace aunet
