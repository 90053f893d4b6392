// Reading other people's tables of runs (RFC 4180: quotes, commas and line breaks inside quotes, CRLF, a
// BOM).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aunet {

struct CsvTable {
  std::string file;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
  std::vector<int64_t> lines;  // of each row's first character, from 1

  /// Index of a column. Throws ConfigError naming the nearest column, or all of them.
  size_t column(const std::string& name) const;
  /// The cell as a finite number > 0; nullopt when it is empty or there is no such column. Anything else:
  /// ConfigError `file:line: column: expected, got`.
  std::optional<double> positive(size_t row, std::optional<size_t> column) const;
};

/// Throws Error when the file cannot be read, ConfigError when it has no header, a row has another number of
/// cells, or a quote is left open.
CsvTable read_csv(const std::string& path);
CsvTable parse_csv(const std::string& text, const std::string& file);

/// `cell` quoted when it must be.
std::string csv_cell(const std::string& cell);

}  // namespace aunet
