// How often a run reads its training text, source by source.
#pragma once

#include <vector>

#include "sweep/horizon.h"

namespace aunet {

/// Text that a run over `horizon` draws from each source, from the windows themselves; by the sources' shares
/// of a sample where the horizon is extrapolated. {} for declared data, whose size nobody knows.
std::vector<SourceUse> source_use(const WindowSums& sums, const Horizon& horizon);

/// Sets the cell's sources, unique bytes (sum over sources of the smaller of drawn and size) and epochs (the
/// largest over its sources: a small source with a large weight repeats however large the others are).
void count_repetition(Cell& cell, const WindowSums& sums, const Horizon& horizon);

/// "corpus/small.jsonl 6.2 times", the source that the cell repeats most; "its corpus 6.2 times" when it has
/// one.
std::string most_repeated(const Cell& cell);

}  // namespace aunet
