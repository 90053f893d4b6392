// Do the levels of bytes depend on later bytes? Compared at every position, with many continuations.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace aunet {

/// Levels of ids (bytes, begin and end marks), one each: Splitter::levels.
using LevelRule = std::function<std::vector<int32_t>(const std::vector<int32_t>&)>;

/// What may follow a position, as ids. The first is nothing: the text ends there.
const std::vector<std::vector<int32_t>>& level_continuations();

/// Per byte t of `piece`: does some level up to t differ between the piece and a text that is equal up to t?
///
/// Compared  the levels of bytes 0 .. t of the piece with those of its first t + 1 bytes and each of
///           `continuations` after them. After a byte inside a character only the end of the text: bytes that
///           break the character are no text (perturbations try them)
/// Costs     a run of the rule per position and continuation, over the text up to there
/// `first` (unless null) becomes a line about the first such byte if it is empty.
std::vector<bool> leaky_positions(
    const LevelRule& rule, std::string_view piece, std::string* first = nullptr,
    const std::vector<std::vector<int32_t>>& continuations = level_continuations());

}  // namespace aunet
