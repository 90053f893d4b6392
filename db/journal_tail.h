// The part of a journal that was not read yet, record by record, in blocks: a journal may be larger than
// memory.
#pragma once

#include "core/journal.h"

#include <cstdint>
#include <functional>
#include <string>

namespace aunet {

struct TailResult {
  int64_t bytes_read = 0;  // offset after the last record that was handed on
  int64_t records = 0;
  std::string problem;  // "" or `path:line: ...`: reading stopped at a broken line that is not the last
};

/// Hands on every whole record of `path` from `offset`, which must be the start of a line. A last line that
/// is torn or broken is left for later: its writer may be at work. Throws Error when the file cannot be read.
TailResult read_tail(const std::string& path, int64_t offset,
                     const std::function<void(const JournalRecord&)>& record);

/// What a file is known by: another inode, or a size that shrank, means another file.
struct FileMark {
  int64_t inode = 0, size = 0, modified_ns = 0;
  bool operator==(const FileMark&) const = default;
};
/// All zero when the file is absent.
FileMark mark_of(const std::string& path);

}  // namespace aunet
