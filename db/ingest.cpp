#include "db/ingest.h"

#include "core/error.h"
#include "core/file.h"
#include "core/run_dir.h"
#include "db/plan_rows.h"
#include "db/run_ingest.h"
#include "db/sqlite_detail.h"

#include <chrono>
#include <filesystem>
#include <optional>

namespace aunet {
namespace {

/// Records between two commits: large enough that commits cost nothing, small enough that a kill costs a
/// second.
constexpr int64_t kBatchRecords = 100'000;
constexpr int64_t kBatchRuns = 500;

/// Commits finished runs in batches; what is not committed is rolled back when it goes.
class Batches {
 public:
  Batches(Db& db, const IngestReport& report) : db_(db), report_(report) {
    transaction_.emplace(db_.handle());
  }
  void run_finished() {
    if (++runs_ < kBatchRuns && report_.records - records_ < kBatchRecords) return;
    transaction_->commit();
    transaction_.emplace(db_.handle());
    runs_ = 0;
    records_ = report_.records;
  }
  void commit() { transaction_->commit(); }

 private:
  Db& db_;
  const IngestReport& report_;
  std::optional<SQLite::Transaction> transaction_;
  int64_t runs_ = 0, records_ = 0;
};

std::string absolute_root(const std::string& root) {
  std::error_code error;
  const auto path = std::filesystem::canonical(root, error);
  if (error || !std::filesystem::is_directory(path)) {
    throw Error(
        fmt::format("{}: runs: expected a directory, got {}", root, error ? error.message() : "a file"));
  }
  return path.string();
}

void ingest_plans(Db& db, const std::string& root, IngestReport& report) {
  const std::string folder = RunsRoot{root}.path + "/plans";
  for (const std::string& name : list_directory(folder)) {
    if (!name.ends_with(".json")) continue;
    const std::string path = folder + "/" + name;
    try {  // as with runs: one broken plan must not keep the others out
      const int64_t cells = write_plan(db, path);
      if (cells >= 0) {
        ++report.plans;
        report.cells += cells;
      }
    } catch (const Error& e) {
      report.problems.push_back({path, e.what()});
    }
  }
}

void ingest_root(Db& db, const std::string& root, RunIngest& runs, Batches& batches, IngestReport& report) {
  if (exists(RunDir{root}.run_toml())) return runs.ingest(root);  // a single run directory
  ingest_plans(db, root, report);
  for (const std::string& name : list_directory(root)) {
    if (name == "plans" || name == "cache" || name.starts_with('.')) continue;
    runs.ingest(root + "/" + name);
    batches.run_finished();
  }
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Copies what analysis concluded, when the old file has our schema. A file that SQLite cannot read is a
/// problem of the report: it is about to be replaced by what the run directories say.
void carry_over_conclusions(Db& db, const std::string& old_path, IngestReport& report) {
  try {
    run_once(db.handle(), "ATTACH ? AS old", old_path);
    const int version = db.handle().execAndGet("PRAGMA old.user_version").getInt();
    if (version == kSchemaVersion) {
      report.fits_kept = db.handle().exec("INSERT INTO fit SELECT * FROM old.fit");
      db.handle().exec("INSERT INTO multiplier SELECT * FROM old.multiplier");
      db.handle().exec("INSERT INTO verdict SELECT * FROM old.verdict");
    } else {
      report.problems.push_back(
          {old_path, fmt::format("schema version {}: its fits are not carried over", version)});
    }
    db.handle().exec("DETACH old");
  } catch (const SQLite::Exception& e) {
    report.problems.push_back({old_path, fmt::format("its fits are not carried over: {}", e.what())});
  }
}

/// A rollback journal beside a file that is not the one it was written for would damage it.
void remove_journals(const std::string& path) {
  for (const char* suffix : {"-journal", "-wal", "-shm"}) std::filesystem::remove(path + suffix);
}

}  // namespace

IngestReport ingest(Db& db, const std::vector<std::string>& roots) {
  const auto start = std::chrono::steady_clock::now();
  IngestReport report;
  naming(db.path(), [&] {
    Batches batches(db, report);
    RunIngest runs(db, report);
    for (const std::string& root : roots) ingest_root(db, absolute_root(root), runs, batches, report);
    batches.commit();
  });
  report.seconds = seconds_since(start);
  return report;
}

IngestReport ingest_file(const std::string& db_path, const std::vector<std::string>& roots,
                         double lock_wait_seconds) {
  const WriterLock lock(db_path, lock_wait_seconds);
  Db db = Db::open_write(db_path);
  return ingest(db, roots);
}

IngestReport rebuild_file(const std::string& db_path, const std::vector<std::string>& roots,
                          double lock_wait_seconds) {
  const WriterLock lock(db_path, lock_wait_seconds);
  const std::string fresh_path = db_path + ".rebuild";
  std::filesystem::remove(fresh_path);  // of a killed rebuild
  remove_journals(fresh_path);
  IngestReport report;
  {
    Db fresh = Db::open_write(fresh_path);
    report = ingest(fresh, roots);
    if (exists(db_path)) carry_over_conclusions(fresh, db_path, report);
  }
  remove_journals(db_path);
  std::filesystem::rename(fresh_path, db_path);
  return report;
}

}  // namespace aunet
