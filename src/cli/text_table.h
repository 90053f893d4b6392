// A table for people on a terminal.
#pragma once

#include <string>
#include <vector>

namespace aunet {

/// Rows of equal length, the first one the heading, as lines with two spaces between columns. `align` has one
/// letter a column: 'l' or 'r'. Widths count code points. Throws BugError when a row's length differs.
std::string text_table(const std::vector<std::vector<std::string>>& rows, const std::string& align);

}  // namespace aunet
