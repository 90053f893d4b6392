// Run directories -> sweep.db. The directories are the truth; ingesting twice changes nothing, and a database
// that was built by many small ingests holds what one `--rebuild` would put there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "db/store.h"

namespace aunet {

/// A run or plan that could not be read whole; the others were ingested.
struct IngestProblem {
  std::string path, message;
};

struct IngestReport {
  int64_t plans = 0, cells = 0;  // plans read anew, and their cells
  int64_t runs_seen = 0, runs_changed = 0;
  int64_t records = 0;    // journal lines read
  int64_t bytes = 0;      // of them
  int64_t fits_kept = 0;  // carried over by rebuild()
  double seconds = 0;
  std::vector<IngestProblem> problems;
};

/// Reads what is new under `roots` (RUNS directories, core/run_dir.h) into an open database.
///
/// A journal is read from where the last ingest stopped (its file known by inode and size); a torn last line
/// waits for the next ingest. A repeated step keeps the last attempt's row. Work is committed run by run in
/// batches: a kill loses at most the batch, never half a run.
/// The same key in two roots: the directory that went further counts (done first, then more steps, then the
/// path that sorts first). Throws Error naming both when their canonical configurations differ, or when a
/// root is not a directory.
IngestReport ingest(Db& db, const std::vector<std::string>& roots);

/// Opens (creates) `db_path` under its writer's lock and ingests.
IngestReport ingest_file(const std::string& db_path, const std::vector<std::string>& roots,
                         double lock_wait_seconds = 60);

/// Builds the database anew beside `db_path` and renames it over; stored fits and multipliers are carried
/// over. A file of another schema version is replaced too, without its fits.
IngestReport rebuild_file(const std::string& db_path, const std::vector<std::string>& roots,
                          double lock_wait_seconds = 60);

}  // namespace aunet
