#include "core/file.h"
#include "db/queries.h"
#include "synthetic.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <chrono>

using namespace aunet;
using namespace aunet::testing;

namespace {

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

// Measured, not asserted: the bars of DESIGN section 7 are for a quiet machine.
TEST_CASE("ten thousand runs: ingest, ingest again, read", "[db][slow]") {
  TempDir folder;
  const std::string runs = folder / "runs", path = folder / "sweep.db";
  std::string journal;
  std::vector<std::string> cells;
  for (const JournalRecord& record : steps(1, 1, 100)) journal += to_json_line(record) + "\n";
  for (uint64_t seed = 0; seed < 10'000; ++seed) {
    const RunConfig run = aunet_run(seed);
    const std::string directory = make_run(runs, run);
    std::string whole =
        to_json_line(attempt(1)) + "\n" + journal + to_json_line(heldout(run, 1, 100, 2.5)) + "\n";
    whole += to_json_line(gate(1, 100, "pass")) + "\n" + to_json_line(end(1, 100, "done")) + "\n";
    write_file_atomic(directory + "/journal.jsonl", whole);
    cells.push_back(
        cell_json(run, "grid", 1e10 * static_cast<double>(1 + seed % 5), static_cast<int64_t>(seed % 7)));
  }
  write_plan_file(runs, "big", cells);
  const IngestReport first = ingest_file(path, {runs});
  fmt::print("ingest of 10,000 runs: {} records in {:.2f} s: {:.0f} records/s, {:.1f} MB/s\n", first.records,
             first.seconds, static_cast<double>(first.records) / first.seconds,
             static_cast<double>(first.bytes) / 1e6 / first.seconds);
  fmt::print("ingest again, nothing new: {:.2f} s\n", ingest_file(path, {runs}).seconds);
  Db db = Db::open_read(path);
  CHECK(first.records == 10'000 * 104);
  fmt::print("final_rows: {:.2f} s\n", seconds_of([&] { CHECK(final_rows(db).size() == 10'000); }));
  fmt::print("fit_input: {:.2f} s\n", seconds_of([&] { CHECK(fit_input(db, "big").size() == 10'000); }));
  fmt::print("tuning_effort: {:.2f} s\n", seconds_of([&] { CHECK(tuning_effort(db, "big").empty()); }));
  fmt::print("stale_journals: {:.2f} s\n", seconds_of([&] { CHECK(stale_journals(db).empty()); }));
}
