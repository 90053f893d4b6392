// The part of [budget] that says what families have in common: match, reference, rates.
#pragma once

#include <vector>

#include "config/reader.h"
#include "config/sweep_spec.h"

namespace aunet {

/// `families` were read before: names in `reference` and `rates` must be theirs. Without `reference` it is
/// the first family. Rates may be absent here: the planner asks for them when match = "seconds" needs them
/// (sweep/match.h), because it can say what was measured.
void read_match(const Table& budget, const std::vector<FamilySpec>& families, BudgetSpec& spec);

}  // namespace aunet
