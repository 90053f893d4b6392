// RUN/eval/TASK-STEP.jsonl -> rows of item.
#pragma once

#include "db/store.h"

#include <cstdint>
#include <string>

namespace aunet {

/// Replaces the items of a run whose files changed (inode, size or time). A line is {"document" or "item",
/// "bytes", "units", "nats"}; files of other names are not items. Returns the lines read. Throws Error naming
/// file and line.
int64_t write_items(Db& db, const std::string& key, const std::string& directory);

/// Deletes every item of a run.
void forget_items(Db& db, const std::string& key);

}  // namespace aunet
