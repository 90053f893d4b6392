#include "db/journal_rows.h"

#include "db/sqlite_detail.h"

#include <map>
#include <optional>

namespace aunet {
namespace {

/// The words of v_final: an interrupted attempt left a run that stands still and can go on.
std::string status_word(const std::string& journal_status) {
  return journal_status == "interrupted" ? "stopped" : journal_status;
}

template <class T>
SqlValue or_null(const std::optional<T>& value) {
  return value ? SqlValue(*value) : SqlValue();
}

/// Counted over an attempt's step records. Sums run in journal order, so that stopping in between changes no
/// bit.
struct Executed {
  int64_t steps = 0;
  double seconds = 0;
};

struct Progress {
  std::string key;
  std::string status, cause, message;
  int64_t attempts = 0;
  std::optional<int64_t> last_step;
  std::pair<std::string, int64_t> parent;  // whose steps it did not execute, and up to which
  Executed total;
  std::map<int64_t, Executed> by_attempt;
};

constexpr const char* kInsertAttempt =
    R"(INSERT INTO attempt (key, attempt, started, from_step, from_run, host, device, pid, threads, "commit",
                            dirty_diff_hash, torch_version, command, gpu, driver, libraries, environment)
       VALUES (?, ?, ?, ?, nullif(?, ''), ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, ''), nullif(?, ''), nullif(?, ''),
               nullif(?, ''))
       ON CONFLICT DO UPDATE SET started = excluded.started, from_step = excluded.from_step,
         from_run = excluded.from_run,
         host = excluded.host, device = excluded.device, pid = excluded.pid, threads = excluded.threads,
         "commit" = excluded."commit", dirty_diff_hash = excluded.dirty_diff_hash,
         torch_version = excluded.torch_version, command = excluded.command, gpu = excluded.gpu,
         driver = excluded.driver, libraries = excluded.libraries, environment = excluded.environment)";
constexpr const char* kAttemptCounts =
    R"(INSERT INTO attempt (key, attempt, steps_executed, seconds) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET steps_executed = excluded.steps_executed, seconds = excluded.seconds)";
constexpr const char* kAttemptEnd =
    R"(INSERT INTO attempt (key, attempt, end_status, end_cause, end_message, end_step)
       VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET end_status = excluded.end_status, end_cause = excluded.end_cause,
         end_message = excluded.end_message, end_step = excluded.end_step)";
constexpr const char* kLoadRun =
    "SELECT coalesce(status, ''), coalesce(cause, ''), coalesce(message, ''), attempts, steps_executed, "
    "last_step, "
    "wall_seconds, coalesce(parent_key, ''), coalesce(parent_step, 0) FROM run WHERE key = ?";
constexpr const char* kSaveRun =
    "UPDATE run SET status = nullif(?, ''), cause = nullif(?, ''), message = nullif(?, ''), attempts = ?, "
    "steps_executed = ?, wall_seconds = ?, last_step = ?, parent_key = nullif(?, ''), "
    "parent_step = nullif(?, 0) WHERE key = ?";
// Cumulative values come from the step's row, not from the last record seen: an attempt that resumed at the
// very end writes no step at all.
constexpr const char* kSaveLastStep =
    R"(UPDATE run SET (bytes, units, flops_paper, flops_useful, flops_executed) =
         (SELECT bytes, units, flops_paper, flops_useful, flops_executed FROM step
          WHERE step.key = run.key AND step.step = run.last_step),
       train_seconds = (SELECT sum(seconds) FROM step WHERE step.key = run.key AND step.step <= run.last_step
                        AND step.step > coalesce(run.parent_step, 0))
       WHERE key = ?)";

}  // namespace

struct JournalRows::State {
  explicit State(SQLite::Database& handle) : database(handle) {}

  SQLite::Database& database;
  SQLite::Statement load_run{database, kLoadRun};
  SQLite::Statement load_attempts{database,
                                  "SELECT attempt, steps_executed, seconds FROM attempt WHERE key = ?"};
  SQLite::Statement attempt{database, kInsertAttempt};
  SQLite::Statement attempt_counts{database, kAttemptCounts};
  SQLite::Statement attempt_end{database, kAttemptEnd};
  SQLite::Statement step{database, "REPLACE INTO step VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
  SQLite::Statement checkpoint{database, "REPLACE INTO checkpoint VALUES (?, ?, ?, ?)"};
  SQLite::Statement eval{database, "REPLACE INTO eval VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
  SQLite::Statement gate{database, "REPLACE INTO gate VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
  SQLite::Statement save_run{database, kSaveRun};
  SQLite::Statement save_last_step{database, kSaveLastStep};
  Progress now;

  void write(const AttemptRecord& r) {
    run_once(attempt, now.key, r.attempt, r.started, r.from_step, r.from_run, r.host, r.device, r.pid,
             r.threads, r.commit, r.dirty_diff_hash, r.torch_version, r.command, r.gpu, r.driver, r.libraries,
             r.environment);
    now.status = "running";
    now.cause.clear();
    now.message.clear();
    ++now.attempts;
    now.last_step = r.from_step;
    // An attempt that begins before the branch point executes the trunk itself.
    if (!r.from_run.empty())
      now.parent = {r.from_run, r.from_step};
    else if (r.from_step < now.parent.second)
      now.parent = {};
  }
  void write(const StepRecord& r) {
    int i = 0;
    step.bindNoCopy(++i, now.key);
    for (const int64_t value : {r.step, r.attempt, r.text_bytes, r.units}) step.bind(++i, value);
    for (const double value : {r.flops_paper, r.flops_useful, r.flops_executed, r.loss_nats, r.loss_bpb, r.lr,
                               r.grad_norm, r.seconds}) {
      step.bind(++i, value);
    }
    step.exec();
    step.reset();
    now.last_step = r.step;
    for (Executed* executed : {&now.total, &now.by_attempt[r.attempt]}) {
      ++executed->steps;
      executed->seconds += r.seconds;
    }
  }
  void write(const CheckpointRecord& r) { run_once(checkpoint, now.key, r.step, r.attempt, r.path); }
  void write(const EvalRecord& r) {
    run_once(eval, now.key, r.split, r.eval_key, r.step, r.attempt, r.nats, r.text_bytes, r.units,
             r.documents, r.loss_nats, r.loss_bpb, r.seconds);
  }
  void write(const GateRecord& r) {
    int i = 0;
    for (const SqlValue& value :
         {SqlValue(now.key), SqlValue(r.gate), SqlValue(r.step), SqlValue(r.attempt), SqlValue(r.verdict),
          SqlValue(r.leak_rate), SqlValue(r.detail), or_null(r.perturbations), or_null(r.positions),
          or_null(r.leaky_bytes), or_null(r.clean_bytes), or_null(r.bpb_leaky), or_null(r.bpb_clean),
          or_null(r.seconds)}) {
      bind_value(gate, ++i, value);
    }
    gate.exec();
    gate.reset();
  }
  void write(const EndRecord& r) {
    run_once(attempt_end, now.key, r.attempt, r.status, r.cause, r.message, r.step);
    now.status = status_word(r.status);
    now.cause = r.cause;
    now.message = r.message;
  }
  void write(const DiagnosisRecord&) {}  // for `aunet why`, which reads the journal
};

JournalRows::JournalRows(Db& db) : state_(std::make_unique<State>(db.handle())) {}
JournalRows::~JournalRows() = default;

void JournalRows::begin(const std::string& key) {
  Progress& now = state_->now;
  now = {};
  now.key = key;
  SQLite::Statement& run = state_->load_run;
  run.bind(1, key);
  require(run.executeStep(), "journal rows of a run that has no row");
  now.status = run.getColumn(0).getString();
  now.cause = run.getColumn(1).getString();
  now.message = run.getColumn(2).getString();
  now.attempts = run.getColumn(3).getInt64();
  if (!run.getColumn(5).isNull()) now.last_step = run.getColumn(5).getInt64();
  now.total = {run.getColumn(4).getInt64(), run.getColumn(6).getDouble()};
  now.parent = {run.getColumn(7).getString(), run.getColumn(8).getInt64()};
  run.reset();
  SQLite::Statement& attempts = state_->load_attempts;
  attempts.bind(1, key);
  while (attempts.executeStep()) {
    now.by_attempt[attempts.getColumn(0).getInt64()] = {attempts.getColumn(1).getInt64(),
                                                        attempts.getColumn(2).getDouble()};
  }
  attempts.reset();
}

void JournalRows::write(const JournalRecord& record) {
  std::visit([this](const auto& r) { state_->write(r); }, record);
}

void JournalRows::end() {
  State& s = *state_;
  for (const auto& [attempt, executed] : s.now.by_attempt) {
    run_once(s.attempt_counts, s.now.key, attempt, executed.steps, executed.seconds);
  }
  s.save_run.bind(1, s.now.status);
  s.save_run.bind(2, s.now.cause);
  s.save_run.bind(3, s.now.message);
  s.save_run.bind(4, s.now.attempts);
  s.save_run.bind(5, s.now.total.steps);
  s.save_run.bind(6, s.now.total.seconds);
  if (s.now.last_step) {
    s.save_run.bind(7, *s.now.last_step);
  } else {
    s.save_run.bind(7);
  }
  s.save_run.bind(8, s.now.parent.first);
  s.save_run.bind(9, s.now.parent.second);
  s.save_run.bind(10, s.now.key);
  s.save_run.exec();
  s.save_run.reset();
  run_once(s.save_last_step, s.now.key);
}

void JournalRows::fail(const std::string& key, const std::string& cause, const std::string& message) {
  run_once(state_->database, "UPDATE run SET status = 'failed', cause = ?, message = ? WHERE key = ?", cause,
           message, key);
}

void JournalRows::forget(const std::string& key) {
  for (const char* table : {"attempt", "step", "eval", "gate", "checkpoint"}) {
    run_once(state_->database, fmt::format("DELETE FROM {} WHERE key = ?", table), key);
  }
  run_once(state_->database,
           "UPDATE run SET status = NULL, cause = NULL, message = NULL, attempts = 0, steps_executed = 0, "
           "last_step = NULL, bytes = NULL, units = NULL, flops_paper = NULL, flops_useful = NULL, "
           "flops_executed = NULL, train_seconds = NULL, wall_seconds = 0, parent_key = NULL, parent_step = "
           "NULL WHERE key = ?",
           key);
}

}  // namespace aunet
