// Journal records -> rows of attempt, step, eval, gate, checkpoint, and the run's state that follows from
// them.
#pragma once

#include "core/journal.h"
#include "db/store.h"

#include <memory>
#include <string>

namespace aunet {

/// Writes the records of one run at a time: begin(key), write() in journal order, end(). Continuing an
/// earlier ingest gives the same rows, to the last bit, as writing the whole journal at once.
class JournalRows {
 public:
  explicit JournalRows(Db& db);
  ~JournalRows();

  void begin(const std::string& key);  ///< the run's row exists
  void write(const JournalRecord& record);
  void end();
  /// A run whose journal or configuration cannot be read is a failed one, with this cause.
  void fail(const std::string& key, const std::string& cause, const std::string& message);
  /// Deletes every row that came from the run's journal.
  void forget(const std::string& key);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace aunet
