#include "core/file.h"

#include "core/error.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace aunet {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what, int cause) {
  throw Error(path + ": " + what + ": " + std::strerror(cause));
}

/// Length of the file up to and with its last newline, or -1 with errno set. Reads backwards: journals grow
/// long.
off_t end_of_last_line(int fd) {
  off_t end = ::lseek(fd, 0, SEEK_END);
  if (end < 0) return -1;
  std::string block;
  while (end > 0) {
    const off_t begin = std::max<off_t>(0, end - 4096);
    block.resize(static_cast<size_t>(end - begin));
    const ssize_t n = ::pread(fd, block.data(), block.size(), begin);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    const size_t newline = block.rfind('\n', static_cast<size_t>(n));
    if (newline != std::string::npos) return begin + static_cast<off_t>(newline) + 1;
    end = begin;
  }
  return 0;
}

}  // namespace

AppendFile::AppendFile(const std::string& path)
    : path_(path), fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
  if (fd_ < 0) fail(path_, "open", errno);
  const off_t end = end_of_last_line(fd_);
  if (end >= 0 && ::ftruncate(fd_, end) == 0) return;
  const int cause = errno;
  ::close(fd_);
  fail(path_, "cut torn line", cause);
}

AppendFile::~AppendFile() { ::close(fd_); }

void AppendFile::append_line(std::string_view line) {
  require(line.find('\n') == std::string_view::npos, "AppendFile::append_line: the line holds a newline");
  const off_t before = ::lseek(fd_, 0, SEEK_END);
  std::string bytes(line);
  bytes += '\n';
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const ssize_t n = ::write(fd_, rest.data(), rest.size());
    if (n >= 0) {
      rest.remove_prefix(static_cast<size_t>(n));  // short only when the disk is full; the next write says so
      continue;
    }
    if (errno == EINTR) continue;
    const int cause = errno;
    const bool torn = rest.size() < bytes.size();
    if (torn && (before < 0 || ::ftruncate(fd_, before) != 0)) fail(path_, "append (torn line left)", cause);
    fail(path_, "append", cause);
  }
}

void AppendFile::sync() {
  if (::fsync(fd_) != 0) fail(path_, "fsync", errno);
}

FileLock::FileLock(const std::string& path)
    : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)), held_(false) {
  if (fd_ < 0) fail(path, "open lock", errno);
  int cause = 0;
  // Several tries: an observer in is_held_by_someone() holds a shared lock for some microseconds.
  for (int tries = 0; tries < 5 && !held_; ++tries) {
    if (tries > 0) ::usleep(5000);
    held_ = ::flock(fd_, LOCK_EX | LOCK_NB) == 0;
    cause = errno;
    if (!held_ && cause != EWOULDBLOCK && cause != EINTR) break;
  }
  if (held_ || cause == EWOULDBLOCK || cause == EINTR) return;
  ::close(fd_);
  fail(path, "lock", cause);
}

FileLock::~FileLock() { ::close(fd_); }

bool FileLock::is_held_by_someone(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) return false;
    fail(path, "open lock", errno);
  }
  // A shared request: two observers that look at the same moment must not see each other as the holder.
  const bool free = ::flock(fd, LOCK_SH | LOCK_NB) == 0;
  const int cause = errno;
  ::close(fd);
  if (!free && cause != EWOULDBLOCK) fail(path, "lock", cause);
  return !free;
}

}  // namespace aunet
