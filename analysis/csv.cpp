#include "analysis/csv.h"

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace aunet {
namespace {

/// A long or binary cell, shortened for a message.
std::string shown(const std::string& cell) {
  std::string text;
  for (const char c : cell.substr(0, 40)) text += static_cast<unsigned char>(c) < 32 ? '?' : c;
  return cell.size() > 40 ? text + "..." : text;
}

/// Splits the text into records; calls end_record with the line on which each began.
class CsvScanner {
 public:
  CsvScanner(const std::string& text, CsvTable& table) : text_(text), table_(table) {}

  void run() {
    for (size_t i = text_.starts_with("\xEF\xBB\xBF") ? 3 : 0; i < text_.size(); ++i) {
      const char c = text_[i];
      if (quoted_) {
        if (c == '"' && i + 1 < text_.size() && text_[i + 1] == '"') {
          cell_ += text_[++i];
        } else if (c == '"') {
          quoted_ = false;
        } else {
          cell_ += c;
          line_ += c == '\n';
        }
      } else if (c == '"' && cell_.empty()) {
        quoted_ = any_ = true;
      } else if (c == ',') {
        end_cell();
        any_ = true;
      } else if (c == '\n') {
        end_record();
        start_ = ++line_;
      } else if (c != '\r' || i + 1 >= text_.size() || text_[i + 1] != '\n') {
        cell_ += c;
        any_ = true;
      }
    }
    if (quoted_)
      throw ConfigError(
          fmt::format("{}:{}: expected a closing quote, got the end of the file", table_.file, start_));
    end_record();
    if (table_.columns.empty())
      throw ConfigError(fmt::format("{}: expected a line of column names, got an empty file", table_.file));
  }

 private:
  void end_cell() {
    record_.push_back(std::move(cell_));
    cell_.clear();
  }

  void end_record() {
    if (!any_) return;  // a blank line
    end_cell();
    if (table_.columns.empty()) {
      for (const std::string& name : record_) table_.columns.emplace_back(trim(name));
    } else {
      if (record_.size() != table_.columns.size()) {
        throw ConfigError(fmt::format("{}:{}: expected {} cells, got {}", table_.file, start_,
                                      table_.columns.size(), record_.size()));
      }
      table_.rows.push_back(std::move(record_));
      table_.lines.push_back(start_);
    }
    record_.clear();
    any_ = false;
  }

  const std::string& text_;
  CsvTable& table_;
  std::string cell_;
  std::vector<std::string> record_;
  int64_t line_ = 1, start_ = 1;
  bool quoted_ = false, any_ = false;
};

}  // namespace

size_t CsvTable::column(const std::string& name) const {
  const auto found = std::find(columns.begin(), columns.end(), name);
  if (found != columns.end()) return size_t(found - columns.begin());
  const std::string nearest = nearest_name(name, columns);
  throw ConfigError(fmt::format("{}: unknown column '{}'; {}", file, name,
                                nearest.empty() ? fmt::format("it has {}", join(columns, ", "))
                                                : fmt::format("did you mean '{}'?", nearest)));
}

std::optional<double> CsvTable::positive(size_t row, std::optional<size_t> column) const {
  if (!column) return std::nullopt;
  const std::string_view cell = trim(rows[row][*column]);
  if (cell.empty()) return std::nullopt;
  double value = 0;
  const char* begin = cell.data() + (cell.front() == '+' ? 1 : 0);
  const auto [end, error] = std::from_chars(begin, cell.data() + cell.size(), value);
  if (error != std::errc() || end != cell.data() + cell.size() || !std::isfinite(value) || value <= 0) {
    throw ConfigError(fmt::format("{}:{}: {}: expected a finite number above 0, got '{}'", file, lines[row],
                                  columns[*column], shown(std::string(cell))));
  }
  return value;
}

CsvTable parse_csv(const std::string& text, const std::string& file) {
  CsvTable table;
  table.file = file;
  CsvScanner(text, table).run();
  return table;
}

CsvTable read_csv(const std::string& path) { return parse_csv(read_file(path), path); }

std::string csv_cell(const std::string& cell) {
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (const char c : cell) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace aunet
