// Further evaluations ([[eval]]) of a trained run, and of one that was done before: those never train.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/run_parts.h"
#include "core/file.h"
#include "core/journal.h"

namespace aunet {

struct EvaluationRound {
  std::vector<EvalRecord> records;  // attempt and step are filled in
  std::string failures;             // "typos: no such file; ..."; "" when all were made
  bool stopped = false;             // `stop` said so; what was made until then is in `records`
};

/// Scores the model of `parts`, which is the run's after its last step, on each of `evals`, and writes
/// RUN/eval/NAME-STEP.jsonl (sums per document). An evaluation whose text is gone, changed or empty fails
/// alone.
EvaluationRound make_evaluations(const RunParts& parts, const RunDir& dir,
                                 const std::vector<EvalConfig>& evals, int64_t attempt, int64_t step,
                                 const std::function<bool()>& stop);

/// The same for a run that was done before, from its final checkpoint: no step is executed. Journals an
/// attempt, the records and "done" once the last number is there, so that the run is done all the while.
/// Returns false when stopped. Throws Error for evaluations that could not be made: the run stays done.
bool evaluate_done_run(const RunDir& dir, AppendFile& journal, const std::vector<JournalRecord>& past,
                       const std::function<bool()>& stop);

}  // namespace aunet
