// sweep.db as a handle: opening it (schema made or checked), one writer at a time, free queries.
// What the tables hold is db/schema.sql and db/README.md; what analysis reads is db/queries.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace SQLite {
class Database;
}

namespace aunet {

/// `PRAGMA user_version` of the files this binary reads and writes. Raised with every change of schema.sql.
inline constexpr int kSchemaVersion = 4;

/// An open database. Not thread-safe: one Db a thread. Rollback-journal mode, so that one file is the
/// database.
class Db {
 public:
  /// For reading only: a statement that writes fails. Recovers the journal of a killed writer first.
  /// Throws Error when the file is absent, is no database, or has another schema version.
  static Db open_read(const std::string& path);
  /// For writing: creates file and schema when absent. Does not take the writer's lock (WriterLock does).
  static Db open_write(const std::string& path);
  /// An empty database in memory, for tests.
  static Db in_memory();

  Db(Db&&) noexcept;
  Db& operator=(Db&&) noexcept;
  ~Db();

  const std::string& path() const { return path_; }
  SQLite::Database& handle() { return *database_; }  ///< for the .cpp files of this room

 private:
  Db(std::string path, std::unique_ptr<SQLite::Database> database);
  std::string path_;
  std::unique_ptr<SQLite::Database> database_;
};

/// `DB.lock`: one writer at a time. Waits up to `wait_seconds`, then throws Error that says who holds it.
class WriterLock {
 public:
  WriterLock(const std::string& db_path, double wait_seconds);
  ~WriterLock();
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// One value of a row: NULL, integer, real or text.
using SqlValue = std::variant<std::monostate, int64_t, double, std::string>;

/// Runs one statement and calls `row` for each row; `columns` first, once, also when there are no rows.
/// Throws ConfigError with SQLite's words when the statement is wrong (it came from a user), or when it holds
/// more than one.
void for_each_row(Db& db, const std::string& sql,
                  const std::function<void(const std::vector<std::string>&)>& columns,
                  const std::function<void(const std::vector<SqlValue>&)>& row);

/// A small result at once.
struct SqlTable {
  std::vector<std::string> columns;
  std::vector<std::vector<SqlValue>> rows;
};
SqlTable query(Db& db, const std::string& sql);

/// The value as text: "" for NULL, integers plainly, reals with the fewest digits that read back the same.
std::string to_text(const SqlValue& value);

}  // namespace aunet
