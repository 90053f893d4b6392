#include "db/sources.h"

#include "db/sqlite_detail.h"

namespace aunet {

std::optional<Source> find_source(Db& db, const std::string& path) {
  SQLite::Statement s(
      db.handle(),
      "SELECT path, kind, key, inode, size, modified_ns, bytes_read, used FROM source WHERE path = ?");
  s.bind(1, path);
  if (!s.executeStep()) return std::nullopt;
  return Source{s.getColumn(0).getString(),
                s.getColumn(1).getString(),
                s.getColumn(2).getString(),
                {s.getColumn(3).getInt64(), s.getColumn(4).getInt64(), s.getColumn(5).getInt64()},
                s.getColumn(6).getInt64(),
                s.getColumn(7).getInt() != 0};
}

void save_source(Db& db, const Source& source) {
  run_once(db.handle(), "REPLACE INTO source VALUES (?, ?, ?, ?, ?, ?, ?, ?)", source.path, source.kind,
           source.key, source.mark.inode, source.mark.size, source.mark.modified_ns, source.bytes_read,
           int{source.used});
}

void forget_sources(Db& db, const std::string& key) {
  run_once(db.handle(), "DELETE FROM source WHERE key = ?", key);
}

}  // namespace aunet
