// One table, five ways of writing it. Cells are text already: whoever fills a table decides the digits.
#pragma once

#include <string>
#include <vector>

namespace aunet {

enum class TableFormat { Text, Markdown, Csv, Latex, Html, Json };
TableFormat parse_table_format(
    const std::string& name);  ///< text, markdown, csv, latex, html, json; ConfigError naming them

struct TextTable {
  std::string title;                           // left out of CSV and JSON
  std::vector<std::string> columns;            // with units: "loss (bits/byte)"
  std::vector<std::vector<std::string>> rows;  // "" is a missing value
  std::string note;                            // under the table, left out of CSV and JSON
};

/// The whole table, ending in a line break. Columns that hold only numbers (or nothing) are right-aligned.
/// Special characters are escaped for the format. JSON: an array of objects, column -> text.
std::string write_table(const TextTable& table, TableFormat format);

std::string escape_html(const std::string& text);

}  // namespace aunet
