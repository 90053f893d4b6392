// The text that ships with the tree: what the benchmarks read unless told otherwise.
#pragma once

#include <string>

#include "data/corpus.h"

namespace aunet {

/// Its path: from the current folder, or from the tree that this binary was built in. Throws ConfigError that
/// names `flag`, the option for another text, when it is in neither.
std::string shipped_text(const std::string& flag);

/// A text that a benchmark was given: the documents of a .jsonl or .jsonl.zst, any other file as one.
Corpus read_text(const std::string& path);

}  // namespace aunet
