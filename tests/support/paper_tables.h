// Reads the paper's tables under tests/golden/paper (copies of the published numbers as CSV).
#pragma once

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace aunet {

using TableRow = std::map<std::string, std::string>;  // by column name

/// One CSV line; quoted fields may hold commas.
inline std::vector<std::string> csv_fields(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"')
      quoted = !quoted;
    else if (c == ',' && !quoted)
      fields.emplace_back();
    else if (c != '\r')
      fields.back() += c;
  }
  return fields;
}

inline std::vector<TableRow> paper_table(const std::string& name) {
  const std::string path = std::string(AUNET_SOURCE_DIR) + "/tests/golden/paper/" + name;
  std::ifstream file(path);
  if (!file) throw std::runtime_error("missing " + path);
  std::string line;
  std::getline(file, line);
  const std::vector<std::string> header = csv_fields(line);
  std::vector<TableRow> rows;
  while (std::getline(file, line)) {
    const std::vector<std::string> fields = csv_fields(line);
    TableRow row;
    for (size_t i = 0; i < header.size() && i < fields.size(); ++i) row[header[i]] = fields[i];
    rows.push_back(row);
  }
  return rows;
}

/// "512;2048" or "25x15x1" as integers.
inline std::vector<int64_t> integers(const std::string& text, char separator) {
  std::vector<int64_t> values;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) values.push_back(std::stoll(part));
  return values;
}

/// A printed number with its unit: "48.8GB" -> 4.88e10, "146M", "10.76B", "2.349e8".
inline double printed_value(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  const double unit = *end == 'M' ? 1e6 : *end == 'G' || *end == 'B' ? 1e9 : 1;
  return value * unit;
}

/// Half a unit in the last printed digit, relative: the tolerance that "to the printed digits" means.
inline double printed_precision(const std::string& text) {
  double scale = 1;
  bool point = false;
  for (const char c : text) {
    if (c == '.')
      point = true;
    else if (c < '0' || c > '9')
      break;
    else if (point)
      scale /= 10;
  }
  return 0.5 * scale / std::strtod(text.substr(0, text.find_first_of("eMGB")).c_str(), nullptr);
}

}  // namespace aunet
