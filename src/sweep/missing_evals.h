// Which evaluations a run still lacks. A new one never retrains: it is made from the final checkpoint.
#pragma once

#include <string>
#include <vector>

#include "config/run_config.h"
#include "core/journal.h"
#include "core/run_dir.h"

namespace aunet {

/// The [[eval]]s of `run` that `records` hold no number of, by name and eval_key, in the order of the file.
std::vector<EvalConfig> missing_evals(const RunConfig& run, const std::vector<JournalRecord>& records);
/// The same, from the end of the journal where that is enough. {} for a run that asks for none.
std::vector<EvalConfig> missing_evals(const RunConfig& run, const RunDir& dir);

std::string names_of(const std::vector<EvalConfig>& evals);  ///< "typos, no_spaces"

/// Whether the run has ever ended as done: from then on it is never trained again.
bool was_done(const std::vector<JournalRecord>& records);

}  // namespace aunet
