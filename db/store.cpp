#include "db/store.h"

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "db/schema_sql.h"
#include "db/sqlite_detail.h"

#include <sqlite3.h>

namespace aunet {
namespace {

constexpr int kBusyMilliseconds = 60'000;  // a reader may hold the file while it prints a long table

int schema_version(SQLite::Database& database) { return database.execAndGet("PRAGMA user_version").getInt(); }

void check_version(SQLite::Database& database, const std::string& path) {
  const int found = schema_version(database);
  if (found != kSchemaVersion) {
    throw Error(
        fmt::format("{}: schema version: this binary reads {}, the file has {}; 'aunet ingest RUNS --db {} "
                    "--rebuild' makes it anew from the run directories",
                    path, kSchemaVersion, found, path));
  }
}

void make_schema(SQLite::Database& database) {
  SQLite::Transaction transaction(database);
  database.exec(kSchemaSql);
  database.exec(fmt::format("PRAGMA user_version = {}", kSchemaVersion));
  transaction.commit();
}

bool is_empty(SQLite::Database& database) {
  return schema_version(database) == 0 &&
         database.execAndGet("SELECT count(*) FROM sqlite_master").getInt() == 0;
}

/// SQLite prepares the first statement of a text and would leave the rest unsaid.
void refuse_second_statement(SQLite::Database& database, const std::string& sql, const std::string& path) {
  sqlite3_stmt* statement = nullptr;
  const char* rest = nullptr;
  if (sqlite3_prepare_v2(database.getHandle(), sql.c_str(), -1, &statement, &rest) != SQLITE_OK) return;
  sqlite3_finalize(statement);
  if (!trim(rest).empty())
    throw ConfigError(fmt::format("{}: query: expected one statement, got more: '{}'", path, trim(rest)));
}

}  // namespace

Db::Db(std::string path, std::unique_ptr<SQLite::Database> database)
    : path_(std::move(path)), database_(std::move(database)) {}
Db::Db(Db&&) noexcept = default;
Db& Db::operator=(Db&&) noexcept = default;
Db::~Db() = default;

Db Db::open_read(const std::string& path) {
  if (!exists(path))
    throw Error(fmt::format("{}: database: no such file; 'aunet ingest RUNS --db {}' makes it", path, path));
  return naming(path, [&] {
    // Only a writable handle can roll back what a killed writer left (SQLite opens a protected file for
    // reading all the same); query_only keeps ours from writing.
    auto database = std::make_unique<SQLite::Database>(path, SQLite::OPEN_READWRITE, kBusyMilliseconds);
    check_version(*database, path);
    database->exec("PRAGMA query_only = 1");
    return Db(path, std::move(database));
  });
}

Db Db::open_write(const std::string& path) {
  return naming(path, [&] {
    auto database = std::make_unique<SQLite::Database>(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE,
                                                       kBusyMilliseconds);
    if (is_empty(*database)) make_schema(*database);
    check_version(*database, path);
    database->exec(
        "PRAGMA cache_size = -65536");  // 64 MB: a batch of the ingest stays out of the file until its commit
    return Db(path, std::move(database));
  });
}

Db Db::in_memory() {
  auto database =
      std::make_unique<SQLite::Database>(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  make_schema(*database);
  return Db(":memory:", std::move(database));
}

void for_each_row(Db& db, const std::string& sql,
                  const std::function<void(const std::vector<std::string>&)>& columns,
                  const std::function<void(const std::vector<SqlValue>&)>& row) {
  refuse_second_statement(db.handle(), sql, db.path());
  try {
    SQLite::Statement statement(db.handle(), sql);
    std::vector<std::string> names;
    for (int i = 0; i < statement.getColumnCount(); ++i) names.emplace_back(statement.getColumnName(i));
    columns(names);
    std::vector<SqlValue> values(names.size());
    while (statement.executeStep()) {
      for (size_t i = 0; i < values.size(); ++i)
        values[i] = sql_value(statement.getColumn(static_cast<int>(i)));
      row(values);
    }
  } catch (const SQLite::Exception& e) {
    throw ConfigError(fmt::format("{}: query: {}", db.path(), e.what()));
  }
}

SqlTable query(Db& db, const std::string& sql) {
  SqlTable table;
  for_each_row(
      db, sql, [&](const auto& columns) { table.columns = columns; },
      [&](const auto& values) { table.rows.push_back(values); });
  return table;
}

std::string to_text(const SqlValue& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return fmt::format("{}", *integer);
  if (const auto* real = std::get_if<double>(&value)) return fmt::format("{}", *real);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return "";
}

}  // namespace aunet
