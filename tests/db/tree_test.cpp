// Run trees in the database: a branch shows the whole run, and counts what it executed itself.
#include "config/schedule.h"
#include "core/file.h"
#include "db/queries.h"
#include "synthetic.h"

#include <catch2/catch.hpp>

using namespace aunet;
using namespace aunet::testing;

namespace {

RunConfig tree_run(int64_t steps) {
  RunConfig run = aunet_run();
  run.schedule = {.kind = "wsd", .decay = 0.2, .warmup_steps = 2};
  run.horizon.windows = steps * run.horizon.batch_windows;
  return run;
}

AttemptRecord branched(int64_t number, const RunConfig& parent, int64_t step) {
  AttemptRecord record = attempt(number, step);
  record.from_run = train_key(parent);
  return record;
}

/// One attempt from `first` - 1 to the end.
std::vector<JournalRecord> run_from(const AttemptRecord& begin, const RunConfig& run) {
  const int64_t last = total_steps(run.horizon);
  std::vector<JournalRecord> records = {begin};
  for (const JournalRecord& record : steps(begin.attempt, begin.from_step + 1, last))
    records.push_back(record);
  records.push_back(heldout(run, begin.attempt, last, 2.5));
  records.push_back(end(begin.attempt, last, "done"));
  return records;
}

/// 10, 15 and 20 steps: each goes on where the one before began its decay, at 8 and at 12.
struct Tree {
  TempDir runs;
  RunConfig a = tree_run(10), b = tree_run(15), c = tree_run(20);
  Tree() {
    append(make_run(runs.path(), a), run_from(attempt(1), a));
    append(make_run(runs.path(), b), run_from(branched(1, a, 8), b));
    append(make_run(runs.path(), c), run_from(branched(1, b, 12), c));
  }
  Db database() const {
    Db db = Db::in_memory();
    REQUIRE(ingest(db, {runs.path()}).problems.empty());
    return db;
  }
};

std::string of(Db& db, const std::string& column, const RunConfig& run) {
  return scalar(db, "SELECT " + column + " FROM v_final WHERE key = '" + train_key(run) + "'");
}

}  // namespace

TEST_CASE("a branch has the whole curve, accounted spending and its own increment", "[db]") {
  const Tree tree;
  Db db = tree.database();
  CHECK(of(db, "tree", tree.a) == trunk_key(tree.c));
  CHECK(of(db, "schedule", tree.a) == "wsd");
  CHECK(of(db, "parent_key", tree.c) == train_key(tree.b));
  CHECK(of(db, "parent_step", tree.c) == "12");
  CHECK(of(db, "parent_key IS NULL", tree.a) == "1");
  // 2e9 useful FLOPs a step
  CHECK(of(db, "flops_useful = 40e9 AND flops_useful_incremental = 16e9", tree.c) == "1");
  CHECK(of(db, "flops_useful = 30e9 AND flops_useful_incremental = 14e9", tree.b) == "1");
  CHECK(of(db, "flops_useful_incremental = flops_useful", tree.a) == "1");
  CHECK(of(db, "steps_executed", tree.c) == "8");
  const std::vector<CurvePoint> points = curve(db, train_key(tree.c));
  REQUIRE(points.size() == 20);
  for (size_t i = 0; i < points.size(); ++i) CHECK(points[i].step == static_cast<int64_t>(i) + 1);
  const std::string owners =
      scalar(db, "SELECT group_concat(n, ' ') FROM (SELECT count(*) AS n FROM v_curve WHERE key = '" +
                     train_key(tree.c) + "' GROUP BY owner ORDER BY min(step))");
  CHECK(owners == "8 4 8");
  double seconds = 0;
  for (const CurvePoint& point : points) seconds += point.seconds;
  CHECK(*final_rows(db).back().train_seconds > 0);
  CHECK(std::stod(of(db, "train_seconds", tree.c)) == Approx(seconds));
}

TEST_CASE("a database grown run by run has the same content as one built at once", "[db]") {
  const Tree tree;
  Db whole = tree.database(), grown = Db::in_memory();
  TempDir some;
  for (const RunConfig& run : {tree.c, tree.a, tree.b}) {  // branches before their parents
    make_directories(some.path());
    std::string from = tree.runs.path() + "/" + train_key(run), to = some / train_key(run);
    make_directories(to);
    for (const char* file : {"run.toml", "journal.jsonl"})
      write_file_atomic(to + "/" + file, read_file(from + "/" + file));
    ingest(grown, {some.path()});
  }
  const char* all = "SELECT key, flops_useful_incremental, train_seconds, parent_key, tree FROM v_final";
  CHECK(query(whole, all).rows == query(grown, all).rows);
}

TEST_CASE("without its parent's rows a branch's increment is missing, not wrong", "[db]") {
  const Tree tree;
  remove_tree(tree.runs / train_key(tree.a));
  Db db = tree.database();
  CHECK(of(db, "flops_useful_incremental IS NULL AND train_seconds IS NULL", tree.b) == "1");
  CHECK(of(db, "flops_useful = 30e9", tree.b) == "1");
}

TEST_CASE("a branch that began anew at step 0 has no parent", "[db]") {
  const RunConfig a = tree_run(10), b = tree_run(15);
  TempDir runs;
  append(make_run(runs.path(), a), run_from(attempt(1), a));
  const std::string directory = make_run(runs.path(), b);
  append(directory, {branched(1, a, 8), step(1, 9)});
  append(directory, run_from(attempt(2), b));
  Db db = Db::in_memory();
  REQUIRE(ingest(db, {runs.path()}).problems.empty());
  CHECK(of(db, "parent_key IS NULL AND flops_useful_incremental = flops_useful", b) == "1");
  CHECK(curve(db, train_key(b)).size() == 15);
}

TEST_CASE("a branch that resumed from its own checkpoint keeps its parent", "[db]") {
  const RunConfig a = tree_run(10), b = tree_run(15);
  TempDir runs;
  append(make_run(runs.path(), a), run_from(attempt(1), a));
  const std::string directory = make_run(runs.path(), b);
  append(directory, {branched(1, a, 8), step(1, 9), step(1, 10), step(1, 11)});
  Db db = Db::in_memory();
  ingest(db, {runs.path()});
  append(directory, run_from(attempt(2, 10), b));
  REQUIRE(ingest(db, {runs.path()}).problems.empty());
  CHECK(of(db, "parent_key", b) == train_key(a));
  CHECK(of(db, "flops_useful_incremental = 14e9", b) == "1");
  CHECK(curve(db, train_key(b)).size() == 15);
}
