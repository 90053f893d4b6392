// run.toml -> the columns of run that say what a run is.
#pragma once

#include "db/store.h"

#include <string>
#include <utility>
#include <vector>

namespace aunet {

struct RunRow {
  std::string key;        // the folder's name when that is a key, else the configuration's
  std::string canonical;  // config/run_config.h; "" when the run is not resolved
  std::vector<std::pair<const char*, SqlValue>> columns;
};

/// Reads `directory`/run.toml. Throws ConfigError (wrong, or neither folder nor fingerprints give a key),
/// Error.
RunRow read_run_row(const std::string& directory);

/// Inserts or updates the configuration columns of a run; the state columns are left alone.
void write_run_row(Db& db, const RunRow& row);

/// A row for a directory whose run.toml cannot be read: it has the folder's name for a key, and nothing but
/// NULLs.
void write_broken_run_row(Db& db, const std::string& directory);

/// 16 lower-case hex digits: what train_key returns.
bool is_key(const std::string& name);
/// Last component of a path.
std::string folder_name(const std::string& path);

}  // namespace aunet
