// The (Mis)Fitting checklist (arXiv 2502.18969), answered from the database: what a paper must say about its
// fits.
#pragma once

#include "analysis/conclusion.h"
#include "analysis/table.h"

namespace aunet {

/// Questions in the paper's four groups (hypothesis, training set-up, data collection, fitting), in our
/// words. An answer that the database does not hold says so.
TextTable misfitting_checklist(const SweepCells& cells, const Conclusion* conclusion);

}  // namespace aunet
