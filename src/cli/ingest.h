// aunet ingest RUNS... [--db F] [--rebuild]: run directories -> sweep.db.
#pragma once

#include "cli/command.h"

namespace aunet {

/// Exit code 1 when a run or plan could not be read; everything else is in the database all the same.
int cmd_ingest(const Args& args);

}  // namespace aunet
