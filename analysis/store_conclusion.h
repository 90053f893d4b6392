// What `compare --store` leaves in the database, for `aunet-analyze export fits|multiplier` and for SQL.
#pragma once

#include "analysis/conclusion.h"

namespace aunet {

/// Stores the curves L(C) and the surfaces L(N, D) of both families, and the multiplier at each budget under
/// every way of counting; replaces what an earlier conclusion on the same families left. Takes the writer's
/// lock for the moment.
void store_conclusion(const std::string& db_path, const Conclusion& conclusion, const SweepCells& cells);

}  // namespace aunet
