// Step records as the trainer writes them, read ten times faster than through a JSON document: nine lines of
// ten in a journal are steps.
#pragma once

#include "core/journal.h"

#include <optional>
#include <string_view>

namespace aunet {

/// The record of a line that is exactly what to_json_line writes for a step (fields in the struct's order, no
/// spaces). nullopt for every other line, valid or not: parse_journal_line decides about those.
std::optional<StepRecord> parse_step_line(std::string_view line);

}  // namespace aunet
