// RUNS/plans/NAME.json (sweep/cell_json.h writes it) -> rows of sweep and cell.
#pragma once

#include "db/store.h"

#include <cstdint>
#include <string>

namespace aunet {

/// Replaces the rows of the plan at `path` when its content changed since it was last ingested. Fields the
/// tables do not know stay in cell.row. A key that the plan lists twice (a grid cell that was a tuning trial
/// as well) is one cell: the stronger role (grid, replicate, tune) with is_trial set. Returns the number of
/// cells written, -1 when nothing had changed. Throws Error when the file is not a plan.
int64_t write_plan(Db& db, const std::string& path);

}  // namespace aunet
