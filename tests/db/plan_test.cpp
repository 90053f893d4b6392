#include "core/file.h"
#include "core/run_dir.h"
#include "db/queries.h"
#include "synthetic.h"

#include <catch2/catch.hpp>

using namespace aunet;
using namespace aunet::testing;

TEST_CASE("a cell that was a tuning trial as well is one grid cell, and counts as a trial", "[db]") {
  TempDir runs;
  const RunConfig run = aunet_run();
  write_plan_file(runs.path(), "demo", {cell_json(run, "tune", 2e10, 0), cell_json(run, "grid", 2e10, 0)});
  Db db = Db::in_memory();
  CHECK(ingest(db, {runs.path()}).cells == 1);
  CHECK(scalar(db, "SELECT role || ' ' || is_trial FROM v_cell") == "grid 1");
}

TEST_CASE("a changed plan replaces its cells and leaves the runs", "[db]") {
  TempDir runs;
  append(make_run(runs.path(), aunet_run(0)), finished(aunet_run(0), 2.5));
  write_plan_file(runs.path(), "demo",
                  {cell_json(aunet_run(0), "grid", 2e10, 0), cell_json(aunet_run(1), "grid", 2e10, 1)});
  Db db = Db::in_memory();
  ingest(db, {runs.path()});
  CHECK(scalar(db, "SELECT group_concat(state, ' ') FROM (SELECT * FROM v_cell ORDER BY position)") ==
        "done new");
  write_plan_file(runs.path(), "demo", {cell_json(aunet_run(1), "grid", 2e10, 1)});
  ingest(db, {runs.path()});
  CHECK(scalar(db, "SELECT count(*) FROM v_cell") == "1");
  CHECK(scalar(db, "SELECT coalesce(sweep, 'none') || ' ' || role FROM v_final WHERE status = 'done'") ==
        "none run");
}

TEST_CASE("two roots that hold the plan of one sweep give each cell once", "[db]") {
  TempDir a, b;
  write_plan_file(a.path(), "demo", {cell_json(aunet_run(0), "grid", 2e10, 0)});
  write_plan_file(b.path(), "demo",
                  {cell_json(aunet_run(0), "grid", 2e10, 0), cell_json(aunet_run(1), "grid", 4e10, 1)});
  Db db = Db::in_memory();
  ingest(db, {a.path(), b.path()});
  CHECK(scalar(db, "SELECT count(*) FROM cell") == "3");
  CHECK(scalar(db, "SELECT count(*) FROM v_cell") == "2");
  CHECK(scalar(db, "SELECT count(*) FROM v_final") == "2");
}

TEST_CASE("a run that two sweeps share is a row of each", "[db]") {
  TempDir runs;
  append(make_run(runs.path(), aunet_run()), finished(aunet_run(), 2.5));
  write_plan_file(runs.path(), "one", {cell_json(aunet_run(), "grid", 2e10, 0)});
  write_plan_file(runs.path(), "two", {cell_json(aunet_run(), "replicate", 2e10, 3)});
  Db db = Db::in_memory();
  ingest(db, {runs.path()});
  const std::vector<FinalRow> rows = final_rows(db);
  REQUIRE(rows.size() == 2);
  CHECK((rows[0].sweep == "one" && rows[0].role == "grid" && rows[0].size_index == 0));
  CHECK((rows[1].sweep == "two" && rows[1].role == "replicate" && rows[1].size_index == 3));
  CHECK(final_rows(db, {.sweep = "two"}).size() == 1);
  CHECK(final_rows(db, {.roles = {"grid", "replicate"}, .statuses = {"done"}}).size() == 2);
  CHECK(final_rows(db, {.family = "bpe"}).empty());
  CHECK(sweep_names(db) == std::vector<std::string>{"one", "two"});
}

TEST_CASE("cells without a key are not stored, excluded ones keep their reason", "[db]") {
  TempDir runs;
  const std::string cell = cell_json(aunet_run(), "grid", 2e10, 0);
  write_plan_file(runs.path(), "demo", {R"({"key":null,"family":"aunet2"})"},
                  {R"({"reason":"more than four epochs","cell":)" + cell + "}"});
  Db db = Db::in_memory();
  ingest(db, {runs.path()});
  CHECK(scalar(db, "SELECT count(*) FROM v_final") == "0");
  CHECK(scalar(db, "SELECT state || ': ' || excluded FROM v_cell") == "excluded: more than four epochs");
  const auto rows = fit_input(db, "demo");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].exclusion == "plan: more than four epochs");
  CHECK(rows[0].row.budget_flops == 2e10);
  CHECK(rows[0].row.lr_source == "given");
  CHECK_FALSE(rows[0].row.loss_bpb);
}

TEST_CASE("a cell that was run and then excluded keeps its results and gets the reason", "[db]") {
  TempDir runs;
  const RunConfig run = aunet_run();
  append(make_run(runs.path(), run), finished(run, 2.5));
  write_plan_file(runs.path(), "demo", {},
                  {R"({"reason":"a bad idea","cell":)" + cell_json(run, "grid", 2e10, 0) + "}"});
  Db db = Db::in_memory();
  ingest(db, {runs.path()});
  CHECK(final_rows(db).empty());
  const auto rows = fit_input(db, "demo");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].exclusion == "plan: a bad idea");
  CHECK(rows[0].row.loss_bpb == 2.5);
}

TEST_CASE("a plan file that is no plan is a problem, not the end", "[db]") {
  TempDir runs;
  make_directories(runs / "plans");
  write_file_atomic(runs / "plans/broken.json", "{\"cells\": 3}");
  append(make_run(runs.path(), aunet_run()), finished(aunet_run(), 2.5));
  Db db = Db::in_memory();
  const IngestReport report = ingest(db, {runs.path()});
  REQUIRE(report.problems.size() == 1);
  CHECK(report.problems[0].message ==
        runs / "plans/broken.json" + ": plan: expected a JSON object with 'cells', got something else");
  CHECK(report.runs_changed == 1);
}

TEST_CASE("the claims of a plan come with it, and of two plans the first registration counts", "[db]") {
  TempDir a, b;
  const auto write = [](const std::string& runs, const std::string& hash, const std::string& time) {
    make_directories(runs + "/plans");
    write_file_atomic(RunsRoot{runs}.plan("demo"),
                      R"({"sweep":"demo","cells":[],"claims":[{"id":"tie","hash":")" + hash +
                          R"(","text":"[claim]","registered":")" + time + R"("}]})");
  };
  write(a.path(), "later", "2026-01-02T00:00:00Z");
  write(b.path(), "first", "2026-01-01T00:00:00Z");
  Db db = Db::in_memory();
  CHECK(ingest(db, {a.path(), b.path()}).problems.empty());
  const std::vector<RegisteredClaim> claims = load_claims(db, "demo");
  REQUIRE(claims.size() == 1);
  CHECK(claims[0].id == "tie");
  CHECK(claims[0].hash == "first");
  CHECK(claims[0].text == "[claim]");
  CHECK(load_claims(db, "another").empty());
}

TEST_CASE("a verdict is read back as it was stored, and the next one replaces it", "[db]") {
  Db db = Db::in_memory();
  StoredVerdict verdict{.sweep = "demo",
                        .claim = "tie",
                        .statement = "a ties b",
                        .verdict = "undetermined",
                        .why = "wide",
                        .needs_flops = 1e15,
                        .marks = "[]",
                        .tests = "[{}]",
                        .hash = "h",
                        .registered_hash = std::nullopt,
                        .inputs_hash = "i",
                        .created = "now"};
  store_verdicts(db, {verdict});
  verdict.registered_hash = "r";
  verdict.needs_flops.reset();
  store_verdicts(db, {verdict});
  const std::vector<StoredVerdict> rows = load_verdicts(db, "demo");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].registered_hash == "r");
  CHECK_FALSE(rows[0].needs_flops);
  CHECK(rows[0].statement == "a ties b");
}

TEST_CASE("further evaluations are read at the last step of finished runs, the newest of a name", "[db]") {
  TempDir runs;
  const RunConfig run = aunet_run();
  std::vector<JournalRecord> records = finished(run, 2.5);
  const auto typos = [&](int64_t at_step, double bpb, int64_t attempt_number) {
    EvalRecord eval = heldout(run, attempt_number, at_step, bpb);
    eval.split = "typos";
    eval.eval_key += std::to_string(attempt_number);
    return eval;
  };
  records.insert(records.end() - 1, {typos(5, 9, 1), typos(10, 3, 1), typos(10, 3.5, 2)});
  append(make_run(runs.path(), run), records);
  write_plan_file(runs.path(), "demo", {cell_json(run, "grid", 2e10, 0)});
  Db db = Db::in_memory();
  CHECK(ingest(db, {runs.path()}).problems.empty());
  const std::vector<EvalRow> rows = eval_rows(db, "demo");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].key == train_key(run));
  CHECK(rows[0].split == "typos");
  CHECK(rows[0].loss_bpb == 3.5);
  CHECK(rows[0].bytes == 10000);
  CHECK(eval_rows(db, "another").empty());
}
