#include "db/run_ingest.h"

#include "core/file.h"
#include "core/run_dir.h"
#include "db/item_rows.h"
#include "db/run_row.h"
#include "db/sources.h"
#include "db/sqlite_detail.h"

#include <SQLiteCpp/Savepoint.h>

#include <tuple>

namespace aunet {
namespace {

struct KnownRun {
  std::string directory, canonical, status, cause;
  int64_t last_step = 0;
};

std::optional<KnownRun> find_run(Db& db, const std::string& key) {
  SQLite::Statement s(db.handle(),
                      "SELECT directory, coalesce(canonical, ''), coalesce(status, ''), coalesce(cause, ''), "
                      "coalesce(last_step, 0) FROM run WHERE key = ?");
  s.bind(1, key);
  if (!s.executeStep()) return std::nullopt;
  return KnownRun{s.getColumn(0).getString(), s.getColumn(1).getString(), s.getColumn(2).getString(),
                  s.getColumn(3).getString(), s.getColumn(4).getInt64()};
}

void refuse_other_identity(const RunRow& row, const KnownRun& known, const std::string& directory) {
  if (row.canonical.empty() || known.canonical.empty() || row.canonical == known.canonical) return;
  if (known.directory == directory) {
    throw Error(fmt::format(
        "{}: run {}: the configuration changed after it was ingested; 'aunet ingest --rebuild' takes "
        "the new one",
        RunDir{directory}.run_toml(), row.key));
  }
  throw Error(fmt::format("run {}: one key, two configurations: '{}' and '{}'; the first one counts", row.key,
                          RunDir{known.directory}.run_toml(), RunDir{directory}.run_toml()));
}

/// Done first, then more steps, then the path that sorts first: the answer does not depend on who was
/// ingested first.
bool goes_further(const std::string& directory, const KnownRun& known) {
  const std::string journal = RunDir{directory}.journal();
  const JournalSummary mine = exists(journal) ? summarize(read_journal(journal)) : JournalSummary{};
  return std::tuple(mine.status == "done", mine.last_step, known.directory) >
         std::tuple(known.status == "done", known.last_step, directory);
}

bool is_there(const std::string& directory) { return exists(RunDir{directory}.run_toml()); }

/// Runs `work` so that it leaves nothing behind when it throws.
template <class Work>
void all_or_nothing(Db& db, Work work) {
  SQLite::Savepoint savepoint(db.handle(), "run");
  work();
  savepoint.release();
}

}  // namespace

RunIngest::RunIngest(Db& db, IngestReport& report) : db_(db), report_(report), rows_(db) {}

void RunIngest::ingest(const std::string& directory) {
  const RunDir run{directory};
  if (!exists(run.run_toml()) && !exists(run.journal())) return;  // somebody's folder
  ++report_.runs_seen;
  // The only place of this room that catches: one unreadable run must not keep ten thousand others out.
  try {
    if (!is_unchanged(directory)) {
      all_or_nothing(db_, [&] {
        const std::string key = ingest_config(directory);
        if (!key.empty()) ingest_journal(key, directory);
      });
      ++report_.runs_changed;
    }
    const auto config = find_source(db_, run.run_toml());
    if (config && config->used) all_or_nothing(db_, [&] { write_items(db_, config->key, directory); });
  } catch (const ConfigError& e) {
    note_unreadable(directory, e.what());
  } catch (const Error& e) {
    report_.problems.push_back({directory, e.what()});
  }
}

bool RunIngest::is_unchanged(const std::string& directory) const {
  const RunDir run{directory};
  const auto config = find_source(db_, run.run_toml()), journal = find_source(db_, run.journal());
  const FileMark mark = mark_of(run.journal());
  if (!config || config->mark != mark_of(run.run_toml())) return false;
  if (!journal) return mark == FileMark{};
  return journal->mark.inode == mark.inode && journal->bytes_read == mark.size;
}

/// Returns the key whose rows this directory fills, "" when another directory does.
std::string RunIngest::ingest_config(const std::string& directory) {
  const RunDir run{directory};
  const RunRow row = read_run_row(directory);
  const auto known = find_run(db_, row.key);
  if (known) refuse_other_identity(row, *known, directory);
  const Source config{run.run_toml(), "config", row.key, mark_of(run.run_toml()), 0, true};
  if (known && known->directory != directory) {
    if (is_there(known->directory) && !goes_further(directory, *known)) {
      const FileMark journal = mark_of(run.journal());
      Source unused = config;
      unused.used = false;
      save_source(db_, unused);
      if (journal != FileMark{})
        save_source(db_, {run.journal(), "journal", row.key, journal, journal.size, false});
      return "";
    }
    forget(row.key);
  }
  write_run_row(db_, row);
  save_source(db_, config);
  return row.key;
}

void RunIngest::ingest_journal(const std::string& key, const std::string& directory) {
  const std::string path = RunDir{directory}.journal();
  const FileMark mark = mark_of(path);
  const auto source = find_source(db_, path);
  const bool was_broken = find_run(db_, key).value().cause == "journal";
  const bool continues = source && source->used && source->mark.inode == mark.inode &&
                         source->bytes_read <= mark.size && !was_broken;
  if (!continues) rows_.forget(key);
  if (mark == FileMark{}) return;
  rows_.begin(key);
  const int64_t offset = continues ? source->bytes_read : 0;
  const TailResult tail = read_tail(path, offset, [&](const JournalRecord& record) { rows_.write(record); });
  rows_.end();
  save_source(db_, {path, "journal", key, mark, tail.bytes_read, true});
  report_.records += tail.records;
  report_.bytes += tail.bytes_read - offset;
  if (!tail.problem.empty()) {
    rows_.fail(key, "journal", tail.problem);
    report_.problems.push_back({directory, tail.problem});
  }
}

/// The run keeps a row that says why it has no numbers.
void RunIngest::note_unreadable(const std::string& directory, const std::string& message) {
  report_.problems.push_back({directory, message});
  const std::string name = folder_name(directory);
  const auto known = find_run(db_, name);
  if (!is_key(name) || (known && known->directory != directory)) return;
  all_or_nothing(db_, [&] {
    forget(name);
    run_once(db_.handle(), "DELETE FROM run WHERE key = ?", name);
    write_broken_run_row(db_, directory);
    rows_.fail(name, "config", message);
  });
}

void RunIngest::forget(const std::string& key) {
  rows_.forget(key);
  forget_items(db_, key);
  forget_sources(db_, key);
}

}  // namespace aunet
