#include "analysis/table.h"

#include "analysis/csv.h"
#include "core/error.h"
#include "core/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <functional>

namespace aunet {
namespace {

/// Bytes that begin a character: what a terminal shows, as long as nothing is wide.
size_t width_of(const std::string& text) {
  return size_t(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

bool is_number(const std::string& cell) {
  return !cell.empty() && (std::isdigit(static_cast<unsigned char>(cell[0])) ||
                           ((cell[0] == '-' || cell[0] == '+') && cell.size() > 1 &&
                            std::isdigit(static_cast<unsigned char>(cell[1]))));
}

std::vector<bool> numeric_columns(const TextTable& table) {
  std::vector<bool> numeric(table.columns.size(), !table.rows.empty());
  for (const auto& row : table.rows) {
    for (size_t i = 0; i < row.size(); ++i) numeric[i] = numeric[i] && (row[i].empty() || is_number(row[i]));
  }
  return numeric;
}

std::string padded(const std::string& cell, size_t width, bool right) {
  const std::string space(width - std::min(width, width_of(cell)), ' ');
  return right ? space + cell : cell + space;
}

std::string replaced(const std::string& text, const std::vector<std::pair<char, const char*>>& pairs) {
  std::string result;
  for (const char c : text) {
    const auto found =
        std::find_if(pairs.begin(), pairs.end(), [&](const auto& pair) { return pair.first == c; });
    if (found == pairs.end())
      result += c;
    else
      result += found->second;
  }
  return result;
}

std::string escape_latex(const std::string& text) {
  return replaced(text, {{'\\', "\\textbackslash{}"},
                         {'&', "\\&"},
                         {'%', "\\%"},
                         {'$', "\\$"},
                         {'#', "\\#"},
                         {'_', "\\_"},
                         {'{', "\\{"},
                         {'}', "\\}"},
                         {'~', "\\textasciitilde{}"},
                         {'^', "\\textasciicircum{}"}});
}

std::string escape_markdown(const std::string& text) { return replaced(text, {{'|', "\\|"}}); }

/// Aligned columns; `edge` and `gap` frame them, `rule` goes under the head.
std::string aligned(const TextTable& table, const std::function<std::string(const std::string&)>& escape,
                    const char* edge, const char* gap, const std::function<std::string(size_t, bool)>& rule) {
  const std::vector<bool> right = numeric_columns(table);
  std::vector<size_t> widths;
  for (const std::string& column : table.columns) widths.push_back(width_of(escape(column)));
  for (const auto& row : table.rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(escape(row[i])));
  }
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text = edge;
    for (size_t i = 0; i < cells.size(); ++i) {
      text += padded(escape(cells[i]), widths[i], right[i]);
      text += i + 1 < cells.size() ? gap : "";
    }
    text += edge[0] != '\0' ? " |" : "";
    while (!text.empty() && text.back() == ' ') text.pop_back();
    return text + "\n";
  };
  std::string text = line(table.columns);
  std::vector<std::string> rules;
  for (size_t i = 0; i < widths.size(); ++i) rules.push_back(rule(widths[i], right[i]));
  text += edge + join(rules, gap) + (edge[0] != '\0' ? " |\n" : "\n");
  for (const auto& row : table.rows) text += line(row);
  return text;
}

std::string write_latex(const TextTable& table) {
  const std::vector<bool> right = numeric_columns(table);
  const auto line = [](const std::vector<std::string>& cells) {
    std::vector<std::string> escaped;
    for (const std::string& cell : cells) escaped.push_back(escape_latex(cell));
    return "  " + join(escaped, " & ") + " \\\\\n";
  };
  std::string text = "\\begin{tabular}{";
  for (const bool one : right) text += one ? 'r' : 'l';
  text += "}\n  \\toprule\n" + line(table.columns) + "  \\midrule\n";
  for (const auto& row : table.rows) text += line(row);
  text += "  \\bottomrule\n\\end{tabular}\n";
  if (!table.title.empty()) text = "% " + table.title + "\n" + text;
  return table.note.empty() ? text : text + "% " + table.note + "\n";
}

std::string write_html(const TextTable& table) {
  const std::vector<bool> right = numeric_columns(table);
  const auto line = [&](const std::vector<std::string>& cells, const char* tag) {
    std::string text = "<tr>";
    for (size_t i = 0; i < cells.size(); ++i) {
      text += fmt::format("<{0}{1}>{2}</{0}>", tag, right[i] ? " class=\"n\"" : "", escape_html(cells[i]));
    }
    return text + "</tr>\n";
  };
  std::string text = "<table>\n";
  if (!table.title.empty()) text += "<caption>" + escape_html(table.title) + "</caption>\n";
  text += "<thead>" + line(table.columns, "th") + "</thead>\n<tbody>\n";
  for (const auto& row : table.rows) text += line(row, "td");
  text += "</tbody></table>\n";
  return table.note.empty() ? text : text + "<p class=\"note\">" + escape_html(table.note) + "</p>\n";
}

std::string write_json(const TextTable& table) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const auto& row : table.rows) {
    nlohmann::ordered_json object;
    for (size_t i = 0; i < row.size(); ++i) object[table.columns[i]] = row[i];
    rows.push_back(std::move(object));
  }
  return rows.dump(2) + "\n";
}

std::string write_csv(const TextTable& table) {
  std::string text;
  const auto line = [&](const std::vector<std::string>& cells) {
    for (size_t i = 0; i < cells.size(); ++i) text += (i > 0 ? "," : "") + csv_cell(cells[i]);
    text += '\n';
  };
  line(table.columns);
  for (const auto& row : table.rows) line(row);
  return text;
}

}  // namespace

TableFormat parse_table_format(const std::string& name) {
  if (name == "text") return TableFormat::Text;
  if (name == "markdown") return TableFormat::Markdown;
  if (name == "csv") return TableFormat::Csv;
  if (name == "latex") return TableFormat::Latex;
  if (name == "html") return TableFormat::Html;
  if (name == "json") return TableFormat::Json;
  throw ConfigError(
      fmt::format("--format: expected text, markdown, csv, latex, html or json, got '{}'", name));
}

std::string escape_html(const std::string& text) {
  return replaced(text, {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}});
}

std::string write_table(const TextTable& table, TableFormat format) {
  for (const auto& row : table.rows) {
    require(row.size() == table.columns.size(), fmt::format("table '{}': a row of {} cells for {} columns",
                                                            table.title, row.size(), table.columns.size()));
  }
  if (format == TableFormat::Csv) return write_csv(table);
  if (format == TableFormat::Latex) return write_latex(table);
  if (format == TableFormat::Html) return write_html(table);
  if (format == TableFormat::Json) return write_json(table);
  const bool markdown = format == TableFormat::Markdown;
  std::string text = table.title.empty() ? "" : markdown ? "**" + table.title + "**\n\n" : table.title + "\n";
  if (markdown) {
    text += aligned(table, escape_markdown, "| ", " | ", [](size_t width, bool right) {
      return std::string(width > 1 ? width - 1 : 1, '-') + (right ? ":" : "-");
    });
  } else {
    text += aligned(
        table, [](const std::string& cell) { return cell; }, "", "  ",
        [](size_t width, bool) { return std::string(width, '-'); });
  }
  if (!table.note.empty()) text += (markdown ? "\n" : "") + table.note + "\n";
  return text;
}

}  // namespace aunet
