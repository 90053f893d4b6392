// Starts a process of its own group that outlives us.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace aunet {

/// Starts `words` (the program's path first) with `variables` ("NAME=value") over our environment, stdin
/// /dev/null, stdout and stderr appended to `log` (""; both to our stderr), default signal handling, and no
/// other open file. Returns its process id, which is also its group's. Throws Error when it cannot be
/// started.
pid_t spawn(const std::vector<std::string>& words, const std::vector<std::string>& variables,
            const std::string& log);

}  // namespace aunet
