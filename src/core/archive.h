// Several files as one: an uncompressed tar (pax, restricted), written and read with libarchive, so that
// `tar` lists and unpacks it as well. Equal contents give equal bytes: no times, owners or modes of the
// originals.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

struct archive;
struct archive_entry;

namespace aunet {

/// Writes PATH.tmp-PID; finish() makes it PATH, durably. Without finish() nothing is left. Every error is an
/// Error that names the file and the cause (disk full).
class ArchiveWriter {
 public:
  explicit ArchiveWriter(const std::string& path);
  ~ArchiveWriter();
  ArchiveWriter(const ArchiveWriter&) = delete;
  ArchiveWriter& operator=(const ArchiveWriter&) = delete;
  void add(const std::string& name, std::string_view bytes);
  /// In blocks: the file may be larger than memory. Throws Error when it changes its size meanwhile.
  void add_file(const std::string& name, const std::string& path);
  void finish();

 private:
  std::string path_, temporary_;
  struct archive* archive_;
  void check(int result) const;
  void begin_entry(const std::string& name, int64_t n_bytes);
  void write(std::string_view bytes);
};

/// Reads an archive from front to back. Throws Error `PATH: ...` for a file that is none, or is cut short;
/// also for an entry that is no plain file or whose name leads out of the folder it is unpacked into.
class ArchiveReader {
 public:
  explicit ArchiveReader(const std::string& path);
  ~ArchiveReader();
  ArchiveReader(const ArchiveReader&) = delete;
  ArchiveReader& operator=(const ArchiveReader&) = delete;
  /// Goes to the next entry; false behind the last one.
  bool next();
  const std::string& name() const { return name_; }
  int64_t n_bytes() const;
  /// The entry's content in blocks, in order; once.
  void read(const std::function<void(std::string_view block)>& each);
  /// All of it. Throws Error when it is longer than `max_bytes`.
  std::string read_all(int64_t max_bytes);
  /// Into FOLDER/name(), folders made as needed; returns hash_hex of the content.
  std::string unpack(const std::string& folder);

 private:
  std::string path_, name_;
  struct archive* archive_;
  struct archive_entry* entry_ = nullptr;
  [[noreturn]] void fail(const std::string& what) const;
};

}  // namespace aunet
