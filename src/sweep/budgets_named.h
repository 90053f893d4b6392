// The words by which a sweep file names some of its budgets ([tune] at, [replicates] at).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace aunet {

/// Indices into `budgets` named by "smallest", "middle", "largest", "each" or a number among them; ascending,
/// once each. Throws ConfigError `where: ...` for other words.
std::vector<size_t> budgets_named(const std::vector<std::string>& names, const std::vector<double>& budgets,
                                  const std::string& where);

}  // namespace aunet
