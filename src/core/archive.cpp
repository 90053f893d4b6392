#include "core/archive.h"

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/text.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

namespace aunet {

namespace {

constexpr size_t kBlock = 1 << 20;  // bytes

/// Makes what was written under `path` survive a power cut.
void sync(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  const int cause = errno;
  if (fd >= 0) ::close(fd);
  if (!synced) throw Error(fmt::format("{}: fsync: {}", path, std::strerror(cause)));
}

/// A relative name without "..": what is unpacked stays in its folder.
bool is_safe_name(const std::string& name) {
  if (name.empty() || name.front() == '/') return false;
  for (const std::string& part : split_on(name, '/'))
    if (part.empty() || part == "." || part == "..") return false;
  return true;
}

}  // namespace

ArchiveWriter::ArchiveWriter(const std::string& path)
    : path_(path), temporary_(fmt::format("{}.tmp-{}", path, ::getpid())), archive_(archive_write_new()) {
  require(archive_ != nullptr, "archive_write_new");
  try {
    check(archive_write_set_format_pax_restricted(archive_));
    check(archive_write_open_filename(archive_, temporary_.c_str()));
  } catch (...) {
    archive_write_free(archive_);
    throw;
  }
}

ArchiveWriter::~ArchiveWriter() {
  if (archive_ == nullptr) return;
  archive_write_fail(archive_);  // no trailer: it is thrown away
  archive_write_free(archive_);
  std::remove(temporary_.c_str());
}

void ArchiveWriter::check(int result) const {
  if (result == ARCHIVE_OK) return;
  const char* cause = archive_error_string(archive_);
  throw Error(fmt::format("{}: {}", path_, cause ? cause : "cannot be written"));
}

void ArchiveWriter::begin_entry(const std::string& name, int64_t n_bytes) {
  require(is_safe_name(name), "archive: a name that leads out of the archive: " + name);
  const std::unique_ptr<struct archive_entry, void (*)(struct archive_entry*)> entry(archive_entry_new(),
                                                                                     archive_entry_free);
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_size(entry.get(), n_bytes);
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);
  check(archive_write_header(archive_, entry.get()));
}

void ArchiveWriter::write(std::string_view bytes) {
  const la_ssize_t written = archive_write_data(archive_, bytes.data(), bytes.size());
  if (written < 0) check(static_cast<int>(written));
  if (static_cast<size_t>(written) != bytes.size())
    throw Error(fmt::format("{}: expected to write {} bytes, wrote {}", path_, bytes.size(), written));
}

void ArchiveWriter::add(const std::string& name, std::string_view bytes) {
  begin_entry(name, static_cast<int64_t>(bytes.size()));
  write(bytes);
}

void ArchiveWriter::add_file(const std::string& name, const std::string& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) throw Error(fmt::format("{}: cannot be read", path));
  int64_t left = in.tellg();
  in.seekg(0);
  begin_entry(name, left);
  std::vector<char> block(kBlock);
  while (left > 0) {
    in.read(block.data(), std::min<int64_t>(left, kBlock));
    if (in.gcount() == 0) throw Error(fmt::format("{}: became shorter while it was read", path));
    write({block.data(), static_cast<size_t>(in.gcount())});
    left -= in.gcount();
  }
}

void ArchiveWriter::finish() {
  check(archive_write_close(archive_));
  sync(temporary_);
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0)
    throw Error(fmt::format("{}: rename: {}", path_, std::strerror(errno)));
  archive_write_free(archive_);
  archive_ = nullptr;
  const auto folder = std::filesystem::path(path_).parent_path();
  sync(folder.empty() ? "." : folder.string());
}

ArchiveReader::ArchiveReader(const std::string& path) : path_(path), archive_(archive_read_new()) {
  require(archive_ != nullptr, "archive_read_new");
  try {
    if (archive_read_support_format_tar(archive_) != ARCHIVE_OK ||
        archive_read_open_filename(archive_, path.c_str(), kBlock) != ARCHIVE_OK)
      fail("not a tar archive");
  } catch (...) {
    archive_read_free(archive_);
    throw;
  }
}

ArchiveReader::~ArchiveReader() { archive_read_free(archive_); }

void ArchiveReader::fail(const std::string& what) const {
  const char* cause = archive_error_string(archive_);
  throw Error(cause ? fmt::format("{}: {}: {}", path_, what, cause) : fmt::format("{}: {}", path_, what));
}

bool ArchiveReader::next() {
  const int result = archive_read_next_header(archive_, &entry_);
  if (result == ARCHIVE_EOF) return false;
  if (result != ARCHIVE_OK) fail("not a whole archive");
  const char* name = archive_entry_pathname(entry_);
  name_ = name ? name : "";
  if (!is_safe_name(name_) || archive_entry_filetype(entry_) != AE_IFREG)
    throw Error(fmt::format("{}: expected plain files with relative names, got '{}'", path_, name_));
  return true;
}

int64_t ArchiveReader::n_bytes() const { return archive_entry_size(entry_); }

void ArchiveReader::read(const std::function<void(std::string_view)>& each) {
  std::vector<char> block(kBlock);
  int64_t n_read = 0;
  for (;;) {
    const la_ssize_t n = archive_read_data(archive_, block.data(), block.size());
    if (n < 0) fail("not a whole archive");
    if (n == 0) break;
    n_read += n;
    each({block.data(), static_cast<size_t>(n)});
  }
  if (n_read != n_bytes())
    throw Error(fmt::format("{}: {}: expected {} bytes, got {}", path_, name_, n_bytes(), n_read));
}

std::string ArchiveReader::read_all(int64_t max_bytes) {
  if (n_bytes() > max_bytes)
    throw Error(fmt::format("{}: {}: expected at most {} bytes, got {}", path_, name_, max_bytes, n_bytes()));
  std::string content;
  read([&](std::string_view block) { content += block; });
  return content;
}

std::string ArchiveReader::unpack(const std::string& folder) {
  const std::filesystem::path target = std::filesystem::path(folder) / name_;
  make_directories(target.parent_path().string());
  std::ofstream out(target, std::ios::binary | std::ios::trunc);
  Hasher hasher;
  read([&](std::string_view block) {
    out.write(block.data(), static_cast<std::streamsize>(block.size()));
    hasher.update(block);
  });
  out.close();
  if (!out) throw Error(fmt::format("{}: cannot be written: {}", target.string(), std::strerror(errno)));
  return hasher.hex();
}

}  // namespace aunet
