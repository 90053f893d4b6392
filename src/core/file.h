// Files that survive a kill: atomic replacement, append with a durable point, exclusive locks.
// Every error names the file and the cause.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aunet {

std::string read_file(const std::string& path);  ///< throws Error
/// Writes `path.tmp-PID`, fsyncs, renames over `path`, fsyncs the folder. On failure the old file is intact
/// and the temporary one is removed.
void write_file_atomic(const std::string& path, std::string_view bytes);
/// The same for a file that lies in several pieces.
void write_file_atomic(const std::string& path, const std::vector<std::string_view>& pieces);
void make_directories(const std::string& path);
bool exists(const std::string& path);
void remove_tree(const std::string& path);
std::vector<std::string> list_directory(const std::string& path);  ///< names, sorted; [] when absent
uint64_t free_bytes_on_disk(const std::string& path);

/// Appends whole lines to a file. A torn last line (a kill in mid-write) is cut off when the file is opened.
class AppendFile {
 public:
  explicit AppendFile(const std::string& path);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;
  void append_line(std::string_view line);  ///< one write(2) of line + '\n'; throws Error (disk full) and
                                            ///< leaves no torn line
  void sync();                              ///< fsync
 private:
  std::string path_;
  int fd_;
};

/// flock(LOCK_EX | LOCK_NB) held for the object's life; the kernel frees it when the process dies.
class FileLock {
 public:
  explicit FileLock(const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  bool held() const { return held_; }  ///< false: somebody else holds it
  int descriptor() const { return fd_; }
  static bool is_held_by_someone(const std::string& path);

 private:
  int fd_;
  bool held_;
};

}  // namespace aunet
