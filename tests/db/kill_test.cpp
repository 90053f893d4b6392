#include "core/error.h"
#include "core/file.h"
#include "core/random.h"
#include "core/run_dir.h"
#include "db/queries.h"
#include "synthetic.h"

#include <catch2/catch.hpp>

#include <csignal>
#include <filesystem>
#include <chrono>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

using namespace aunet;
using namespace aunet::testing;

namespace {

void make_many_runs(const std::string& runs, int n_runs, int n_steps) {
  for (int i = 0; i < n_runs; ++i) {
    const std::string directory = make_run(runs, aunet_run(static_cast<uint64_t>(i)));
    append(directory, {attempt(1)});
    append(directory, steps(1, 1, n_steps));
  }
}

/// Starts an ingest in another process and kills it after `delay`. True when it was killed before it ended.
bool ingest_and_kill(const std::string& db, const std::string& runs, std::chrono::microseconds delay) {
  const pid_t child = fork();
  if (child == 0) {
    ingest_file(db, {runs});
    _exit(0);
  }
  std::this_thread::sleep_for(delay);
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status);
}

}  // namespace

TEST_CASE("a killed ingest leaves an intact database without half a run, and the next one completes it",
          "[db]") {
  TempDir folder;
  const std::string runs = folder / "runs", path = folder / "sweep.db";
  make_many_runs(runs, 120, 200);
  RandomStream random(7, "kill");
  int killed = 0;
  for (int i = 0; i < 12; ++i) {
    std::filesystem::remove(path);
    std::filesystem::remove(path + "-journal");
    killed += ingest_and_kill(path, runs, std::chrono::microseconds(500 + random.below(60'000)));
    if (!exists(path)) continue;
    ingest_file(path, {});
    Db db = Db::open_read(path);
    REQUIRE(scalar(db, "PRAGMA integrity_check") == "ok");
    REQUIRE(scalar(db, "SELECT count(*) FROM run WHERE steps_executed NOT IN (0, 200)") == "0");
    REQUIRE(scalar(db, "SELECT count(*) FROM step") ==
            scalar(db, "SELECT coalesce(sum(steps_executed), 0) FROM run"));
  }
  CHECK(killed >= 3);
  ingest_file(path, {runs});
  Db whole = Db::open_read(path), fresh = Db::in_memory();
  ingest(fresh, {runs});
  CHECK(content(whole) == content(fresh));
}

TEST_CASE("a rebuild holds what the grown database holds, and keeps the fits", "[db]") {
  TempDir folder;
  const std::string runs = folder / "runs", path = folder / "sweep.db";
  const std::string first = make_run(runs, aunet_run(1));
  append(first, {attempt(1), step(1, 1)});
  ingest_file(path, {runs});
  append(first, steps(1, 2, 5));
  append(make_run(runs, bpe_run(2)), finished(bpe_run(2), 2.5));
  write_plan_file(runs, "demo", {cell_json(aunet_run(1), "grid", 2e10, 0)});
  ingest_file(path, {runs});
  {
    Db db = Db::open_write(path);
    store_fit(db, {.name = "aunet2/frontier",
                   .sweep = "demo",
                   .family = "aunet2",
                   .form = "frontier",
                   .convention = "useful",
                   .inputs_hash = "h",
                   .n_rows = 5,
                   .created = "2026-01-01T00:00:00Z"});
    store_multipliers(db, {{.sweep = "demo",
                            .family_a = "aunet2",
                            .family_b = "bpe",
                            .convention = "useful",
                            .flops = 1e11,
                            .loss_bpb = 2.5,
                            .multiplier = 1.3,
                            .low = 1.1,
                            .high = {},
                            .verdict = "censored",
                            .reason = "out of range",
                            .inputs_hash = "h",
                            .created = "2026-01-01T00:00:00Z"}});
    store_verdicts(db, {{.sweep = "demo", .claim = "tie", .verdict = "supported", .registered_hash = "h"}});
  }
  std::string grown;
  {
    Db db = Db::open_read(path);
    grown = content(db);
  }
  const IngestReport report = rebuild_file(path, {runs});
  CHECK(report.fits_kept == 1);
  CHECK(report.problems.empty());
  Db db = Db::open_read(path);
  CHECK(content(db) == grown);
  const auto multipliers = load_multipliers(db, "demo");
  REQUIRE(multipliers.size() == 1);
  CHECK(multipliers[0].low == 1.1);
  CHECK_FALSE(multipliers[0].high);
  CHECK(load_fits(db).at(0).n_rows == 5);
}

TEST_CASE("a second writer waits, then says who holds the lock", "[db]") {
  TempDir folder;
  const WriterLock lock(folder / "sweep.db", 0);
  CHECK_THROWS_WITH(
      WriterLock(folder / "sweep.db", 0.1),
      Catch::Matchers::StartsWith(folder / "sweep.db" + ": writer's lock: waited 0.1 s, process " +
                                  std::to_string(getpid()) + " on "));
}

TEST_CASE("a writer that waits gets the lock when the first one is done", "[db]") {
  TempDir folder;
  const std::string path = folder / "sweep.db";
  auto first = std::make_unique<WriterLock>(path, 0);
  std::thread release([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    first.reset();
  });
  CHECK_NOTHROW(WriterLock(path, 10));
  release.join();
}
