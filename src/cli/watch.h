// aunet status --watch: one row a cell, the worst on top, redrawn in place.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/status_rows.h"

namespace aunet {

struct Screen {
  size_t width = 80, height = 24;  // characters
  bool colour = true;
};

/// The lines of one picture, each at most `width` characters wide (colours not counted) and at most `height`
/// of them: a line of totals, then failed, running, interrupted, waiting and done cells; what does not fit is
/// counted in the last line. `clock` is the time of day to show.
std::vector<std::string> watch_picture(const std::vector<StatusRow>& rows, const std::string& runs,
                                       const std::string& clock, const Screen& screen);

/// What to print when the output is no terminal: a line for each row whose state is another than in `before`.
std::vector<std::string> watch_lines(const std::vector<StatusRow>& before,
                                     const std::vector<StatusRow>& rows);

/// Watches RUNS until Ctrl-C, or until what ran has ended; the last picture stays on the screen.
void watch(const RunsRoot& runs);

}  // namespace aunet
