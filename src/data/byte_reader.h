// A file as a stream of bytes, decompressed on the fly by its suffix: .zst, .gz, or as it is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"

namespace aunet {

/// A file that cannot be decompressed to its end: damaged or cut off. What was read before is good.
struct BrokenFile : Error {
  using Error::Error;
};

/// Reads a file from its beginning to its end, several frames or members after each other included.
class ByteReader {
 public:
  /// Throws Error `path: cannot open: cause`.
  explicit ByteReader(const std::string& path);
  ~ByteReader();
  ByteReader(const ByteReader&) = delete;
  ByteReader& operator=(const ByteReader&) = delete;

  /// The next bytes, valid until the next call; empty at the end. Throws Error `path: ...` when the file
  /// cannot be read, or when its size or time of change are not what they were when it was opened; BrokenFile
  /// `zstd: ...`, `gzip: ...` for damaged or truncated data of a file that did not change.
  std::string_view next();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// All of a file, decompressed. Throws as ByteReader.
std::string read_whole(const std::string& path);

/// The suffix that says how a file is read, without that of its compression: "jsonl" for a.jsonl.zst.
std::string content_suffix(const std::string& path);

}  // namespace aunet
