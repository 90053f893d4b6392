// `aunet split --train-entropy`: the n-gram model of the split rule `entropy`.
#pragma once

#include <string>
#include <string_view>

namespace aunet {

/// Trains on `text`, writes `path`, and prints the thresholds that give units of some mean lengths on that
/// text.
void train_entropy(std::string_view text, int order, const std::string& path);

}  // namespace aunet
