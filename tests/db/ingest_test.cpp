#include "db/ingest.h"

#include "core/file.h"
#include "core/random.h"
#include "core/run_dir.h"
#include "synthetic.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>

using namespace aunet;
using namespace aunet::testing;

namespace {

std::string fresh_content(const std::vector<std::string>& roots) {
  Db db = Db::in_memory();
  ingest(db, roots);
  return content(db);
}

void write_raw(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::app) << bytes;
}

std::string journal_text(const std::vector<JournalRecord>& records) {
  std::string text;
  for (const JournalRecord& record : records) text += to_json_line(record) + "\n";
  return text;
}

/// Interrupted twice (once by a kill that left no end record) and then finished.
std::vector<JournalRecord> interrupted_story(const RunConfig& run) {
  std::vector<JournalRecord> story = {attempt(1), gate(1, 0, "pass")};
  const auto add = [&](std::vector<JournalRecord> more) {
    story.insert(story.end(), more.begin(), more.end());
  };
  add(steps(1, 1, 6));
  add({CheckpointRecord{1, 4, "checkpoints/step-00000004"}, attempt(2, 4)});
  add(steps(2, 5, 8));
  add({CheckpointRecord{2, 8, "checkpoints/step-00000008"}, end(2, 8, "interrupted", "signal"),
       attempt(3, 8)});
  add(steps(3, 9, 10));
  add({heldout(run, 3, 10, 2.5), gate(3, 10, "pass"), end(3, 10, "done")});
  return story;
}

}  // namespace

TEST_CASE("of a repeated step the last attempt's row counts, and every executed step is counted", "[db]") {
  TempDir runs;
  const RunConfig run = aunet_run();
  append(make_run(runs.path(), run), interrupted_story(run));
  Db db = Db::in_memory();
  const IngestReport report = ingest(db, {runs.path()});
  CHECK(report.problems.empty());
  CHECK(report.records == 22);
  CHECK(scalar(db, "SELECT group_concat(attempt, '') FROM (SELECT attempt FROM step ORDER BY step)") ==
        "1111222233");
  CHECK(scalar(db, "SELECT steps_executed FROM v_final") == "12");  // 6 + 4 + 2
  CHECK(scalar(db, "SELECT attempts FROM v_final") == "3");
  CHECK(scalar(db, "SELECT status FROM v_final") == "done");
  CHECK(
      scalar(db, "SELECT group_concat(steps_executed, ' ') FROM (SELECT * FROM attempt ORDER BY attempt)") ==
      "6 4 2");
  CHECK(scalar(db, "SELECT group_concat(coalesce(end_status, 'killed'), ' ') FROM attempt") ==
        "killed interrupted done");
  CHECK(std::stod(scalar(db, "SELECT train_seconds FROM v_final")) == Approx(4 * .101 + 4 * .102 + 2 * .103));
  CHECK(std::stod(scalar(db, "SELECT wall_seconds FROM v_final")) == Approx(6 * .101 + 4 * .102 + 2 * .103));
}

TEST_CASE("ingesting twice changes nothing and reads nothing", "[db]") {
  TempDir runs;
  for (uint64_t seed = 0; seed < 3; ++seed) {
    append(make_run(runs.path(), aunet_run(seed)), finished(aunet_run(seed), 2.5));
  }
  write_plan_file(runs.path(), "demo", {cell_json(aunet_run(), "grid", 2e10, 0)});
  Db db = Db::in_memory();
  CHECK(ingest(db, {runs.path()}).runs_changed == 3);
  const std::string before = content(db);
  const IngestReport again = ingest(db, {runs.path()});
  CHECK(again.runs_seen == 3);
  CHECK(again.runs_changed == 0);
  CHECK(again.records == 0);
  CHECK(again.plans == 0);
  CHECK(content(db) == before);
}

TEST_CASE("many ingests of a journal that grows byte by byte give what one ingest gives", "[db]") {
  TempDir runs;
  const RunConfig run = bpe_run();
  const std::string directory = make_run(runs.path(), run);
  const std::string text = journal_text(interrupted_story(run));
  RandomStream random(1, "pieces");
  Db db = Db::in_memory();
  for (size_t begin = 0; begin < text.size();) {
    const size_t n =
        std::min<size_t>(1 + random.below(300), text.size() - begin);  // most pieces end inside a line
    write_raw(RunDir{directory}.journal(), text.substr(begin, n));
    begin += n;
    const IngestReport report = ingest(db, {runs.path()});
    CHECK(report.problems.empty());
    REQUIRE(content(db) == fresh_content({runs.path()}));
  }
  CHECK(scalar(db, "SELECT status FROM run") == "done");
}

TEST_CASE("a torn last line waits until it is whole", "[db]") {
  TempDir runs;
  const RunConfig run = aunet_run();
  const std::string directory = make_run(runs.path(), run);
  append(directory, {attempt(1), step(1, 1)});
  const std::string line = to_json_line(step(1, 2));
  write_raw(RunDir{directory}.journal(), line.substr(0, 40));
  Db db = Db::in_memory();
  CHECK(ingest(db, {runs.path()}).problems.empty());
  CHECK(scalar(db, "SELECT count(*) FROM step") == "1");
  write_raw(RunDir{directory}.journal(), line.substr(40) + "\n");
  CHECK(ingest(db, {runs.path()}).records == 1);
  CHECK(scalar(db, "SELECT count(*) FROM step") == "2");
}

TEST_CASE("a broken line in the middle makes a failed row and keeps no other run out", "[db]") {
  TempDir runs;
  const std::string broken = make_run(runs.path(), aunet_run(0)), whole = make_run(runs.path(), aunet_run(1));
  append(broken, {attempt(1), step(1, 1)});
  write_raw(RunDir{broken}.journal(), "{\"type\":\"st\n" + to_json_line(step(1, 2)) + "\n");
  append(whole, finished(aunet_run(1), 2.5));
  Db db = Db::in_memory();
  const IngestReport report = ingest(db, {runs.path()});
  REQUIRE(report.problems.size() == 1);
  const std::string message =
      broken + "/journal.jsonl:3: journal: expected a JSON record of a known type, got a broken line";
  CHECK(report.problems[0].message == message);
  CHECK(scalar(db, "SELECT status || ' ' || cause || ' ' || message FROM run WHERE status = 'failed'") ==
        "failed journal " + message);
  CHECK(scalar(db, "SELECT count(*) FROM v_final WHERE status = 'done'") == "1");
  CHECK(ingest(db, {runs.path()}).problems.size() == 1);  // still said, not only the first time

  std::filesystem::remove(RunDir{broken}.journal());
  append(broken, finished(aunet_run(0), 2.25));
  CHECK(ingest(db, {runs.path()}).problems.empty());
  CHECK(content(db) == fresh_content({runs.path()}));
  CHECK(scalar(db, "SELECT count(*) FROM v_final WHERE status = 'done'") == "2");
}

TEST_CASE("a run.toml that cannot be read makes a failed row with its message, and heals", "[db]") {
  TempDir runs;
  const RunConfig run = aunet_run();
  const std::string directory = make_run(runs.path(), run);
  append(directory, finished(run, 2.5));
  const std::string good = read_file(RunDir{directory}.run_toml());
  Db db = Db::in_memory();
  ingest(db, {runs.path()});
  write_file_atomic(RunDir{directory}.run_toml(), "[optim]\nlr = \"fast\"\n");
  const IngestReport report = ingest(db, {runs.path()});
  REQUIRE(report.problems.size() == 1);
  CHECK(report.problems[0].message.starts_with(directory + "/run.toml:"));
  CHECK(scalar(db, "SELECT status || ' ' || cause FROM v_final") == "failed config");
  CHECK(scalar(db, "SELECT count(*) FROM step") == "0");
  CHECK(content(db) == fresh_content({runs.path()}));
  write_file_atomic(RunDir{directory}.run_toml(), good);
  CHECK(ingest(db, {runs.path()}).problems.empty());
  CHECK(scalar(db, "SELECT status FROM v_final") == "done");
}

TEST_CASE("one key with two configurations is refused by name", "[db]") {
  TempDir a, b;
  const RunConfig run = aunet_run();
  const std::string first = make_run(a.path(), run);
  append(first, finished(run, 2.5));
  const std::string second = b / train_key(run);
  make_directories(second);
  write_file_atomic(RunDir{second}.run_toml(), to_toml(aunet_run(0, 0.06)));
  append(second, finished(run, 1.0));
  Db db = Db::in_memory();
  const IngestReport report = ingest(db, {a.path(), b.path()});
  REQUIRE(report.problems.size() == 1);
  CHECK(report.problems[0].message == "run " + train_key(run) + ": one key, two configurations: '" + first +
                                          "/run.toml' and '" + second + "/run.toml'; the first one counts");
  CHECK(scalar(db, "SELECT loss_bpb FROM v_final") == "2.5");
}

TEST_CASE("of two directories with one key the one that went further counts, whatever the order", "[db]") {
  TempDir a, b;
  const RunConfig run = aunet_run();
  const std::string partial = make_run(a.path(), run);
  append(partial, {attempt(1)});
  append(partial, steps(1, 1, 9));
  append(make_run(b.path(), run), finished(run, 2.5));
  CHECK(fresh_content({a.path(), b.path()}) == fresh_content({b.path(), a.path()}));
  Db db = Db::in_memory();
  ingest(db, {a.path()});
  CHECK(scalar(db, "SELECT status FROM v_final") == "running");
  ingest(db, {a.path(), b.path()});
  CHECK(scalar(db, "SELECT status FROM v_final") == "done");
  CHECK(scalar(db, "SELECT count(*) FROM attempt") == "1");
  CHECK(content(db) == fresh_content({a.path(), b.path()}));
  CHECK(ingest(db, {a.path(), b.path()}).runs_changed <= 1);
  CHECK(ingest(db, {a.path(), b.path()}).runs_changed == 0);
}

TEST_CASE("a moved RUNS directory is taken over, a replaced journal is read anew", "[db]") {
  TempDir folder;
  const RunConfig run = aunet_run();
  append(make_run(folder / "old", run), finished(run, 2.5));
  Db db = Db::in_memory();
  ingest(db, {folder / "old"});
  std::filesystem::rename(folder / "old", folder / "new");
  ingest(db, {folder / "new"});
  CHECK(content(db) == fresh_content({folder / "new"}));

  const RunDir directory = RunsRoot{folder / "new"}.run(train_key(run));
  std::filesystem::rename(directory.journal(), directory.journal() + ".old");
  append(directory.path, {attempt(1), step(1, 1)});
  ingest(db, {folder / "new"});
  CHECK(scalar(db, "SELECT steps_executed FROM run") == "1");
  CHECK(content(db) == fresh_content({folder / "new"}));
}

TEST_CASE("a single run directory can be ingested, and its key is its configuration's", "[db]") {
  TempDir folder;
  const RunConfig run = bpe_run();
  std::filesystem::rename(make_run(folder.path(), run), folder / "my_run");
  append(folder / "my_run", finished(run, 2.5));
  Db db = Db::in_memory();
  ingest(db, {folder / "my_run"});
  CHECK(scalar(db, "SELECT key FROM v_final") == train_key(run));
  CHECK(scalar(db, "SELECT role FROM v_final") == "run");
}

TEST_CASE("items of an evaluation are read once per file", "[db]") {
  TempDir runs;
  const RunConfig run = aunet_run();
  const std::string directory = make_run(runs.path(), run);
  append(directory, finished(run, 2.5));
  make_directories(RunDir{directory}.eval());
  const std::string file = RunDir{directory}.eval() + "/heldout-00000010.jsonl";
  write_file_atomic(file,
                    "{\"document\":0,\"bytes\":100,\"units\":101,\"nats\":69.5}\n{\"document\":1,\"bytes\":"
                    "50,\"units\":51,\"nats\":40.0}\n");
  Db db = Db::in_memory();
  ingest(db, {runs.path()});
  CHECK(scalar(db,
               "SELECT count(*) || ' ' || sum(bytes) || ' ' || sum(nats) FROM v_item WHERE task = 'heldout' "
               "AND step = 10") == "2 150 109.5");
  write_file_atomic(file, "{\"document\":0,\"bytes\":100,\"units\":101,\"nats\":69.5}\n");
  ingest(db, {runs.path()});
  CHECK(scalar(db, "SELECT count(*) FROM item") == "1");
  write_file_atomic(file, "{\"document\":0,\"bytes\":100}\n");
  const IngestReport report = ingest(db, {runs.path()});
  REQUIRE(report.problems.size() == 1);
  CHECK(report.problems[0].message == file + ":1: units: expected a number, got none");
}

TEST_CASE("a root that is no directory is an error that names it", "[db]") {
  Db db = Db::in_memory();
  CHECK_THROWS_WITH(ingest(db, {"/nowhere/at/all"}),
                    "/nowhere/at/all: runs: expected a directory, got No such file or directory");
}
