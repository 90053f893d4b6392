// The text that ships with the tree: what the benchmarks read unless told otherwise.
#pragma once

#include <string>

namespace aunet {

/// Its path: from the current folder, or from the tree that this binary was built in. Throws ConfigError that
/// names `flag`, the option for another text, when it is in neither.
std::string shipped_text(const std::string& flag);

}  // namespace aunet
