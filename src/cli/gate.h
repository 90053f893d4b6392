// The causality gate of a run, as the journal keeps its verdict.
#pragma once

#include <cstdint>

#include "cli/run_parts.h"
#include "core/journal.h"
#include "eval/causality.h"

namespace aunet {

/// The verdict on the model of `parts` as it is now, on text as long as the run's context.
CausalityVerdict run_gate(const RunParts& parts, const Corpus& heldout, int64_t n_perturbations);

GateRecord gate_record(const CausalityVerdict& verdict, int64_t attempt, int64_t step, double seconds);

/// Appends the record to the journal of a run that nobody works on, as of its last attempt. A run that is at
/// work or may not be written keeps the journal that it has: a warning says so.
void store_gate(const RunDir& dir, GateRecord record);

}  // namespace aunet
