// One run directory into the database; which of two directories with one key counts.
#pragma once

#include "db/ingest.h"
#include "db/journal_rows.h"
#include "db/store.h"

#include <string>

namespace aunet {

/// Ingests run directories one after another into an open database, inside the caller's transaction.
class RunIngest {
 public:
  RunIngest(Db& db, IngestReport& report);
  /// Reads what changed in `directory`. What is wrong with it becomes a problem of the report, and a row with
  /// its cause where its key is known; it never stops the others.
  void ingest(const std::string& directory);

 private:
  Db& db_;
  IngestReport& report_;
  JournalRows rows_;

  bool is_unchanged(const std::string& directory) const;
  std::string ingest_config(const std::string& directory);
  void ingest_journal(const std::string& key, const std::string& directory);
  void note_unreadable(const std::string& directory, const std::string& message);
  void forget(const std::string& key);
};

}  // namespace aunet
