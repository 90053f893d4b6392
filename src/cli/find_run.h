// How a person names a run on the command line.
#pragma once

#include <string>

#include "core/run_dir.h"

namespace aunet {

/// A run directory, or the beginning of a key under `runs`. Throws ConfigError when nothing or more than one
/// fits.
RunDir find_run(const std::string& runs, const std::string& name);

/// Whether `path` is a run directory: it has a run.toml.
bool is_run_directory(const std::string& path);

}  // namespace aunet
