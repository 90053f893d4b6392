// SQLite helpers for the .cpp files of this room; no other room includes it.
#pragma once

#include "core/error.h"
#include "db/store.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

#include <string>

namespace aunet {

/// Runs `function`; what SQLite throws becomes an Error that names the database.
template <class Function>
auto naming(const std::string& path, Function function) {
  try {
    return function();
  } catch (const SQLite::Exception& e) {
    throw Error(fmt::format("{}: database: {}", path, e.what()));
  }
}

inline SqlValue sql_value(const SQLite::Column& column) {
  if (column.isNull()) return std::monostate{};
  if (column.isInteger()) return static_cast<int64_t>(column.getInt64());
  if (column.isFloat()) return column.getDouble();
  return column.getString();
}

inline void bind_value(SQLite::Statement& statement, int index, const SqlValue& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    statement.bind(index, *integer);
  } else if (const auto* real = std::get_if<double>(&value)) {
    statement.bind(index, *real);  // SQLite stores NaN as NULL
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    statement.bind(index, *text);
  } else {
    statement.bind(index);
  }
}

/// Binds the arguments in order, runs the statement once and leaves it ready for the next call.
template <class... Values>
void run_once(SQLite::Statement& statement, const Values&... values) {
  int index = 0;
  (statement.bind(++index, values), ...);
  statement.exec();
  statement.reset();
}

template <class... Values>
void run_once(SQLite::Database& database, const std::string& sql, const Values&... values) {
  SQLite::Statement statement(database, sql);
  run_once(statement, values...);
}

}  // namespace aunet
