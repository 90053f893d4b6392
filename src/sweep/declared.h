// Facts of data that are only described, so that a plan can be made without any.
#pragma once

#include "sweep/plan.h"

namespace aunet {

/// Facts from `[data] declared`: every window has the same rows. A window is context_bytes of text for byte
/// models (rows_per_8192 scaled to it); for BPE, tokens_per_window tokens, or context_bytes / bytes_per_token
/// when not given. There are no fingerprints, so cells have no keys; epochs are unknown (0). make_plan uses
/// this by itself when the sweep declares its data. Throws BugError when it does not.
FactsProvider declared_facts(const SweepData& data);

}  // namespace aunet
