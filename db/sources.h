// What the ingest has read of which file (table source).
#pragma once

#include "db/journal_tail.h"
#include "db/store.h"

#include <cstdint>
#include <optional>
#include <string>

namespace aunet {

struct Source {
  std::string path, kind, key;  // kind: "config" | "journal" | "items"
  FileMark mark;                // when it was read
  int64_t bytes_read = 0;       // up to the end of the last whole record
  bool used = true;             // false: another directory has the same key and went further
};

std::optional<Source> find_source(Db& db, const std::string& path);
void save_source(Db& db, const Source& source);
/// Everything read for `key` counts as unread.
void forget_sources(Db& db, const std::string& key);

}  // namespace aunet
