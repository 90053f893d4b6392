#include "db/plan_rows.h"

#include "core/file.h"
#include "core/hash.h"
#include "db/sqlite_detail.h"

#include <nlohmann/json.hpp>

#include <unordered_map>

namespace aunet {
namespace {

using Json = nlohmann::json;

/// The value at a JSON pointer, or null when it is absent.
const Json& at(const Json& object, const char* pointer) {
  static const Json kNull;
  const Json::json_pointer where(pointer);
  return object.contains(where) ? object.at(where) : kNull;
}

SqlValue sql_value_of(const Json& value) {
  if (value.is_boolean()) return int64_t{value.get<bool>()};
  if (value.is_number_integer()) return value.get<int64_t>();
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) return value.get<std::string>();
  return std::monostate{};
}

SqlValue text_of(const Json& value) {
  return value.is_string() && !value.get_ref<const std::string&>().empty() ? sql_value_of(value) : SqlValue();
}

int strength(const std::string& role) { return role == "grid" ? 2 : role == "replicate" ? 1 : 0; }

struct PlannedCell {
  const Json* json;
  std::string role;
  bool is_trial;
  SqlValue excluded;
};

/// Cells in the plan's order, each key once, then the excluded ones.
std::vector<PlannedCell> cells_of(const Json& plan) {
  std::vector<PlannedCell> cells;
  std::unordered_map<std::string, size_t> by_key;
  for (const Json& json : plan.at("cells")) {
    const std::string role = json.value("role", "grid");
    const PlannedCell cell{&json, role, role == "tune" || json.value("is_trial", false), {}};
    const Json& key = at(json, "/key");
    if (!key.is_string()) continue;  // planned without data: it cannot run
    const auto [known, is_new] = by_key.emplace(key.get<std::string>(), cells.size());
    if (is_new) {
      cells.push_back(cell);
      continue;
    }
    PlannedCell& other = cells[known->second];
    const bool is_trial = other.is_trial || cell.is_trial;
    if (strength(cell.role) > strength(other.role)) other = cell;
    other.is_trial = is_trial;
  }
  static const Json kNone = Json::array();
  for (const Json& json : plan.contains("excluded") ? plan.at("excluded") : kNone) {
    const Json& cell = json.contains("cell") ? json.at("cell") : json;
    cells.push_back({&cell, cell.value("role", "grid"), false, json.value("reason", "excluded")});
  }
  return cells;
}

constexpr const char* kInsertCell =
    "INSERT INTO cell VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

void insert_cell(SQLite::Statement& statement, const std::string& path, int64_t position,
                 const std::string& sweep, const PlannedCell& cell, const std::string& convention) {
  const Json& json = *cell.json;
  const Json& own_convention = at(json, "/convention");
  const std::vector<SqlValue> values = {
      path,
      position,
      sweep,
      text_of(at(json, "/key")),
      text_of(at(json, "/family")),
      cell.role,
      int64_t{cell.is_trial},
      sql_value_of(at(json, "/budget")),
      own_convention.is_string() ? text_of(own_convention) : SqlValue(convention),
      sql_value_of(at(json, "/size_index")),
      sql_value_of(at(json, "/flops/paper")),
      sql_value_of(at(json, "/flops/useful")),
      sql_value_of(at(json, "/flops/executed")),
      sql_value_of(at(json, "/bytes")),
      sql_value_of(at(json, "/tokens")),
      sql_value_of(at(json, "/epochs")),
      sql_value_of(at(json, "/unique_bytes")),
      sql_value_of(at(json, "/repeated")),
      sql_value_of(at(json, "/lr")),
      text_of(at(json, "/lr_source")),
      sql_value_of(at(json, "/batch/bytes")),
      sql_value_of(at(json, "/inference_flops_per_byte")),
      sql_value_of(at(json, "/memory_bytes")),
      cell.excluded,
      json.dump()};
  for (size_t i = 0; i < values.size(); ++i) bind_value(statement, static_cast<int>(i) + 1, values[i]);
  statement.exec();
  statement.reset();
}

void insert_claims(Db& db, const std::string& path, const std::string& sweep, const Json& plan) {
  run_once(db.handle(), "DELETE FROM claim WHERE plan = ?", path);
  if (!plan.contains("claims")) return;
  for (const Json& claim : plan.at("claims")) {
    run_once(db.handle(), "INSERT INTO claim VALUES (?, ?, ?, ?, ?, ?)", path, claim.value("id", ""), sweep,
             claim.value("hash", ""), claim.value("text", ""), claim.value("registered", ""));
  }
}

std::string known_hash(Db& db, const std::string& path) {
  SQLite::Statement statement(db.handle(), "SELECT content_hash FROM sweep WHERE plan = ?");
  statement.bind(1, path);
  return statement.executeStep() ? statement.getColumn(0).getString() : "";
}

}  // namespace

int64_t write_plan(Db& db, const std::string& path) {
  const std::string text = read_file(path);
  const std::string hash = hash_hex(text);
  if (known_hash(db, path) == hash) return -1;
  const Json plan = Json::parse(text, nullptr, false);
  if (!plan.is_object() || !plan.contains("cells") || !plan.at("cells").is_array()) {
    throw Error(fmt::format("{}: plan: expected a JSON object with 'cells', got something else", path));
  }
  const size_t slash = path.find_last_of('/') + 1;
  const std::string sweep = plan.value("sweep", path.substr(slash, path.rfind(".json") - slash));
  run_once(db.handle(), "DELETE FROM cell WHERE plan = ?", path);
  run_once(db.handle(), "REPLACE INTO sweep VALUES (?, ?, ?, ?)", path, sweep, hash,
           plan.value("notes", Json::array()).dump());
  insert_claims(db, path, sweep, plan);
  SQLite::Statement insert(db.handle(), kInsertCell);
  int64_t position = 0;
  for (const PlannedCell& cell : cells_of(plan)) {
    insert_cell(insert, path, position++, sweep, cell, plan.value("convention", ""));
  }
  return position;
}

}  // namespace aunet
