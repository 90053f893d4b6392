#include "core/file.h"
#include "core/text.h"
#include "synthetic.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

using namespace aunet;
using namespace aunet::testing;

namespace {

/// The ```sql blocks of db/README.md.
std::vector<std::string> example_queries() {
  const std::string readme = read_file(AUNET_SOURCE_DIR "/db/README.md"), open = "```sql\n";
  std::vector<std::string> queries;
  for (size_t at = readme.find(open); at != std::string::npos; at = readme.find(open, at)) {
    at += open.size();
    queries.push_back(readme.substr(at, readme.find("```", at) - at));
  }
  return queries;
}

std::string make_database(const std::string& folder) {
  const RunConfig byte = aunet_run(), bpe = bpe_run(), trial = aunet_run(0, 0.06);
  append(make_run(folder + "/runs", byte), finished(byte, 2.5));
  append(make_run(folder + "/runs", bpe), finished(bpe, 2.75));
  append(make_run(folder + "/runs", trial), {attempt(1), step(1, 1), end(1, 1, "failed", "nan")});
  write_plan_file(folder + "/runs", "demo",
                  {cell_json(byte, "tune", 2e10, 0), cell_json(byte, "grid", 2e10, 0),
                   cell_json(bpe, "grid", 2e10, 0), cell_json(trial, "tune", 2e10, 0)});
  ingest_file(folder + "/sweep.db", {folder + "/runs"});
  return folder + "/sweep.db";
}

bool has_shell() { return std::system("command -v sqlite3 > /dev/null 2>&1") == 0; }

}  // namespace

TEST_CASE("the example queries of the README run and answer", "[db][readme]") {
  TempDir folder;
  const std::string path = make_database(folder.path());
  const auto queries = example_queries();
  CHECK(queries.size() >= 10);
  Db db = Db::open_read(path);
  for (const std::string& sql : queries) {
    INFO(sql);
    CHECK_NOTHROW(query(db, sql));
    if (sql.find("-- may be empty") == std::string::npos) CHECK_FALSE(query(db, sql).rows.empty());
  }
}

TEST_CASE("the example queries of the README run in the plain sqlite3 shell", "[db][readme]") {
  if (!has_shell()) {
    WARN("skipped: no sqlite3 shell on this machine");
    return;
  }
  TempDir folder;
  const std::string path = make_database(folder.path());
  for (const std::string& sql : example_queries()) {
    INFO(sql);
    write_file_atomic(folder / "query.sql", sql);
    const std::string command =
        fmt::format("sqlite3 -bail {} < {} > {} 2>&1", path, folder / "query.sql", folder / "out.txt");
    const int status = std::system(command.c_str());
    INFO(read_file(folder / "out.txt"));
    CHECK(status == 0);
  }
}

TEST_CASE("every table and view of the schema is a section of the README", "[db][readme]") {
  const std::string readme = read_file(AUNET_SOURCE_DIR "/db/README.md");
  Db db = Db::in_memory();
  const SqlTable objects = query(db, "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')");
  CHECK(objects.rows.size() >= 19);
  for (const auto& object : objects.rows) {
    const std::string name = to_text(object[0]);
    INFO(name);
    REQUIRE(readme.find("### " + name + "\n") != std::string::npos);
    const size_t begin = readme.find("### " + name + "\n");
    const std::string section = readme.substr(begin, readme.find("\n#", begin + 1) - begin);
    if (name == "v_fit_input")
      continue;  // says that it has the columns of v_result, and names its own two below
    for (const std::string& column : query(db, "SELECT * FROM " + name).columns) {
      INFO(column);
      CHECK(section.find("`" + column + "`") != std::string::npos);
    }
  }
  std::vector<std::string> expected = query(db, "SELECT * FROM v_result").columns;
  expected.insert(expected.end(), {"exclusion"});
  CHECK(query(db, "SELECT * FROM v_fit_input").columns == expected);
}
