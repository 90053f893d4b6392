#include "analysis/sql_export.h"

#include "analysis/csv.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>

namespace aunet {
namespace po = boost::program_options;

namespace {

/// An export is a view, frozen columns and an order.
struct Export {
  const char* what;
  std::vector<const char*> columns;  // SQL expressions; "expr AS name" where they differ
  const char* from;                  // what follows FROM, a WHERE included
  const char* sweep_filter;          // with one {} for the quoted name
  const char* order;
};

const std::vector<Export>& exports() {
  static const std::vector<Export> kExports = {
      {"runs",
       {"key",
        "sweep",
        "family",
        "role",
        "kind",
        "dims",
        "layers",
        "budget_flops",
        "convention",
        "size_index",
        "params",
        "params_non_embedding",
        "flops_paper",
        "flops_useful",
        "flops_executed",
        "bytes",
        "tokens",
        "epochs",
        "lr",
        "lr_source",
        "batch_bytes",
        "batch_windows",
        "seed",
        "seed_data",
        "context_bytes",
        "loss_nats",
        "loss_bpb",
        "heldout_bytes",
        "status",
        "cause",
        "attempts",
        "steps_planned",
        "steps_executed",
        "gate_causal",
        "gate_verdict",
        "train_seconds",
        "wall_seconds",
        "inference_flops_per_byte",
        "device",
        "\"commit\"",
        "exclusion"},
       "v_fit_input WHERE coalesce(exclusion, '') NOT LIKE 'plan: %'",
       "sweep = {}",
       "sweep, family, budget_flops, size_index, role, key"},
      {"curves",
       {"key", "family", "step", "attempt", "bytes", "units", "flops_paper", "flops_useful", "flops_executed",
        "loss_nats", "loss_bpb", "lr", "grad_norm", "seconds"},
       "v_curve WHERE 1",
       "key IN (SELECT key FROM cell WHERE sweep = {})",
       "key, step"},
      {"fits",
       {"name", "sweep", "family", "form", "convention", "n_rows", "parameters", "intervals", "certificate",
        "inputs_hash", "created"},
       "fit WHERE 1",
       "sweep = {}",
       "name"},
      {"multiplier",
       {"sweep", "family_a", "family_b", "convention", "flops", "loss_bpb", "multiplier", "low", "high",
        "verdict", "reason", "inputs_hash", "created"},
       "multiplier WHERE 1",
       "sweep = {}",
       "sweep, family_a, family_b, convention, flops"},
      {"items",
       {"key", "family", "task", "step", "item", "bytes", "units", "nats", "bpb"},
       "v_item WHERE 1",
       "key IN (SELECT key FROM cell WHERE sweep = {})",
       "key, task, step, item"},
  };
  return kExports;
}

const Export& find_export(const std::string& what) {
  std::vector<std::string> names;
  for (const Export& e : exports()) {
    if (what == e.what) return e;
    names.emplace_back(e.what);
  }
  throw ConfigError(fmt::format("export: expected {}, got '{}'", join(names, "|"), what));
}

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? "''" : std::string(1, c);
  return result + "'";
}

std::string sql_of(const Export& e, const std::string& sweep) {
  const std::string where =
      sweep.empty() ? "" : " AND " + fmt::format(fmt::runtime(e.sweep_filter), quoted(sweep));
  const std::vector<std::string> columns(e.columns.begin(), e.columns.end());
  return fmt::format("SELECT {} FROM {}{} ORDER BY {}", join(columns, ", "), e.from, where, e.order);
}

using Write = std::function<void(const std::string& text)>;

void write_line(const std::vector<std::string>& cells, const Write& write) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) line += (i ? "," : "") + csv_cell(cells[i]);
  write(line + "\n");
}

void write_export(Db& db, const Export& e, const std::string& sweep, const Write& write) {
  std::vector<std::string> cells;
  for_each_row(
      db, sql_of(e, sweep), [&](const std::vector<std::string>& columns) { write_line(columns, write); },
      [&](const std::vector<SqlValue>& values) {
        cells.clear();
        for (const SqlValue& value : values) cells.push_back(to_text(value));
        write_line(cells, write);
      });
}

/// A file that appears whole or not at all; "-" is stdout. Rows go straight to it: curves may not fit into
/// memory.
class OutputFile {
 public:
  explicit OutputFile(std::string path) : path_(std::move(path)) {
    if (path_ != "-") file_ = std::fopen(part().c_str(), "wb");
    if (!file_) fail();
  }
  ~OutputFile() {
    if (file_ == stdout || !file_) return;
    std::fclose(file_);
    std::remove(part().c_str());
  }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  void write(const std::string& text) {
    if (std::fwrite(text.data(), 1, text.size(), file_) != text.size()) fail();
  }
  void finish() {
    if (std::fflush(file_) != 0) fail();
    if (file_ == stdout) return;
    if (std::fclose(std::exchange(file_, nullptr)) != 0 || std::rename(part().c_str(), path_.c_str()) != 0)
      fail();
  }

 private:
  std::string part() const { return path_ + ".part"; }
  [[noreturn]] void fail() const {
    throw Error(fmt::format("{}: cannot write: {}", path_, std::strerror(errno)));
  }
  std::string path_;
  std::FILE* file_ = stdout;
};

nlohmann::ordered_json json_of(const SqlValue& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return *integer;
  if (const auto* real = std::get_if<double>(&value)) return *real;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return nullptr;
}

void print_table(const SqlTable& table) {
  std::vector<std::vector<std::string>> rows = {table.columns};
  for (const auto& values : table.rows) {
    auto& row = rows.emplace_back();
    for (const SqlValue& value : values) row.push_back(to_text(value));
  }
  std::vector<size_t> widths(table.columns.size());
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    fmt::print("{}\n", line.substr(0, line.find_last_not_of(' ') + 1));
  }
}

void print_json(const SqlTable& table) {
  auto rows = nlohmann::ordered_json::array();
  for (const auto& values : table.rows) {
    auto& row = rows.emplace_back(nlohmann::ordered_json::object());
    for (size_t i = 0; i < values.size(); ++i) row[table.columns[i]] = json_of(values[i]);
  }
  fmt::print("{}\n", rows.dump(2));
}

}  // namespace

std::vector<std::string> export_columns(const std::string& what) {
  std::vector<std::string> names;
  for (const std::string column : find_export(what).columns)
    names.push_back(column == "\"commit\"" ? "commit" : column);
  return names;
}

std::string export_csv(Db& db, const std::string& what, const std::string& sweep) {
  std::string csv;
  write_export(db, find_export(what), sweep, [&](const std::string& text) { csv += text; });
  return csv;
}

int cmd_sql(const Args& args) {
  po::options_description options("options");
  options.add_options()                                                                //
      ("query", po::value<std::string>()->required(), "one SQL statement that reads")  //
      ("db", po::value<std::string>()->default_value("sweep.db"), "database to read")  //
      ("json", "an array of objects instead of a table");
  po::variables_map values;
  if (!parse_command_line(args, "aunet-analyze sql [--db F] [--json] QUERY",
                          "aunet-analyze sql 'SELECT family, count(*) FROM v_final GROUP BY family'", options,
                          {"query"}, values)) {
    return static_cast<int>(ExitCode::Done);
  }
  Db db = Db::open_read(values["db"].as<std::string>());
  const SqlTable table = query(db, values["query"].as<std::string>());
  values.count("json") ? print_json(table) : print_table(table);
  return static_cast<int>(ExitCode::Done);
}

int cmd_export(const Args& args) {
  po::options_description options("options");
  options.add_options()                                                                          //
      ("what", po::value<std::string>()->required(), "runs, curves, fits, multiplier or items")  //
      ("db", po::value<std::string>()->default_value("sweep.db"), "database to read")            //
      ("sweep", po::value<std::string>()->default_value(""), "only this sweep")                  //
      ("output,o", po::value<std::string>()->default_value("-"), "CSV file to write; - is stdout");
  po::variables_map values;
  if (!parse_command_line(
          args, "aunet-analyze export runs|curves|fits|multiplier|items [--db F] [--sweep S] [-o F.csv]",
          "aunet-analyze export runs -o runs.csv", options, {"what"}, values)) {
    return static_cast<int>(ExitCode::Done);
  }
  const Export& chosen = find_export(values["what"].as<std::string>());
  Db db = Db::open_read(values["db"].as<std::string>());
  OutputFile output(values["output"].as<std::string>());
  write_export(db, chosen, values["sweep"].as<std::string>(),
               [&](const std::string& text) { output.write(text); });
  output.finish();
  return static_cast<int>(ExitCode::Done);
}

}  // namespace aunet
