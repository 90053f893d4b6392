// The line formats of `aunet split --ids` and `aunet bpe`: one JSON value a line.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace aunet {

/// Reads stdin to its end.
std::string read_stdin();
/// Calls `each(line, where)` for every line of stdin, `where` = "stdin:N".
void for_each_stdin_line(const std::function<void(const std::string& line, const std::string& where)>& each);
/// A JSON array of ids from 0 to `max_id`. Throws ConfigError.
std::vector<int32_t> parse_ids(const std::string& line, int64_t max_id, const std::string& where);
/// A JSON string. Throws ConfigError.
std::string parse_string(const std::string& line, const std::string& where);
/// One line: [1,2,3].
void print_ids(const std::vector<int32_t>& ids);

}  // namespace aunet
