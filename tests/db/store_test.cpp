#include "db/store.h"

#include "core/error.h"
#include "core/file.h"
#include "synthetic.h"

#include <catch2/catch.hpp>

using namespace aunet;
using namespace aunet::testing;
using Catch::Matchers::Contains;

TEST_CASE("a database of another schema version is refused with a way out", "[db]") {
  TempDir folder;
  const std::string path = folder / "sweep.db";
  { Db::open_write(path); }
  {
    Db db = Db::open_write(path);
    query(db, "PRAGMA user_version = 7");
  }
  CHECK_THROWS_WITH(Db::open_read(path),
                    path + ": schema version: this binary reads 4, the file has 7; 'aunet ingest RUNS --db " +
                        path + " --rebuild' makes it anew from the run directories");
  CHECK_THROWS_AS(Db::open_write(path), Error);
  CHECK(rebuild_file(path, {}).problems.size() == 1);  // says that no fits were carried over
  CHECK_NOTHROW(Db::open_read(path));
}

TEST_CASE("a file that is no database is named", "[db]") {
  TempDir folder;
  write_file_atomic(folder / "sweep.db", std::string(5000, 'x'));
  CHECK_THROWS_WITH(Db::open_read(folder / "sweep.db"),
                    Contains(folder / "sweep.db: database: file is not a database"));
  CHECK_THROWS_WITH(Db::open_read(folder / "none.db"), Contains("none.db: database: no such file"));
  CHECK(rebuild_file(folder / "sweep.db", {}).problems.size() == 1);
  CHECK_NOTHROW(Db::open_read(folder / "sweep.db"));
}

TEST_CASE("a reader cannot write", "[db]") {
  TempDir folder;
  { Db::open_write(folder / "sweep.db"); }
  Db db = Db::open_read(folder / "sweep.db");
  CHECK_THROWS_WITH(query(db, "DELETE FROM run"), Contains("readonly"));
  CHECK(query(db, "SELECT count(*) FROM run").rows.size() == 1);
}

TEST_CASE("a wrong query is the user's error, in SQLite's words", "[db]") {
  Db db = Db::in_memory();
  CHECK_THROWS_AS(query(db, "SELECT nonsense FROM v_final"), ConfigError);
  CHECK_THROWS_WITH(query(db, "SELECT nonsense FROM v_final"), ":memory:: query: no such column: nonsense");
  CHECK_THROWS_WITH(query(db, "SELECT 1; DROP TABLE run"),
                    ":memory:: query: expected one statement, got more: 'DROP TABLE run'");
  CHECK(scalar(db, "SELECT 1;  ") == "1");
}

TEST_CASE("values become text that reads back the same", "[db]") {
  Db db = Db::in_memory();
  CHECK(scalar(db, "SELECT 0.1 + 0.2") == "0.30000000000000004");
  CHECK(scalar(db, "SELECT 9007199254740993") == "9007199254740993");
  CHECK(scalar(db, "SELECT NULL") == "");
  CHECK(std::stod(to_text(SqlValue(1.0 / 3))) == 1.0 / 3);
}
