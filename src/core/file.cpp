#include "core/file.h"

#include "core/error.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace aunet {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& path, const std::string& what, int cause) {
  throw Error(path + ": " + what + ": " + std::strerror(cause));
}

/// Closes at the end of a scope.
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

/// 0, or errno of the write that failed. Writes everything or fails: a short write is continued.
int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return 0;
}

std::string folder_of(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

void sync_folder(const std::string& path) {
  const Descriptor folder{::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (folder.fd < 0) fail(folder_of(path), "open", errno);
  // Some network and FUSE file systems cannot fsync a folder; they say EINVAL and there is nothing more to
  // do.
  if (::fsync(folder.fd) != 0 && errno != EINVAL) fail(folder_of(path), "fsync", errno);
}

/// 0, or errno; `step` names what failed.
int write_and_sync(const std::string& path, const std::vector<std::string_view>& pieces, const char** step) {
  const Descriptor file{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
  *step = "open";
  if (file.fd < 0) return errno;
  *step = "write";
  for (const std::string_view piece : pieces) {
    if (const int cause = write_all(file.fd, piece)) return cause;
  }
  *step = "fsync";
  return ::fsync(file.fd) == 0 ? 0 : errno;
}

}  // namespace

std::string read_file(const std::string& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) fail(path, "open", errno);
  struct stat status = {};
  std::string bytes;
  if (::fstat(file.fd, &status) == 0 && status.st_size > 0)
    bytes.reserve(static_cast<size_t>(status.st_size));
  std::string block(1 << 16, '\0');
  for (;;) {
    const ssize_t n = ::read(file.fd, block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(path, "read", errno);
    if (n == 0) return bytes;
    bytes.append(block, 0, static_cast<size_t>(n));
  }
}

void write_file_atomic(const std::string& path, std::string_view bytes) {
  write_file_atomic(path, std::vector<std::string_view>{bytes});
}

void write_file_atomic(const std::string& path, const std::vector<std::string_view>& pieces) {
  const std::string temporary = path + ".tmp-" + std::to_string(::getpid());
  const char* step = "";
  int cause = write_and_sync(temporary, pieces, &step);
  if (cause == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) {
    step = "rename";
    cause = errno;
  }
  if (cause != 0) {
    ::unlink(temporary.c_str());
    fail(path, step, cause);
  }
  sync_folder(path);
}

void make_directories(const std::string& path) {
  std::error_code cause;
  fs::create_directories(path, cause);
  if (cause) fail(path, "create folder", cause.value());
  if (!fs::is_directory(path, cause)) fail(path, "create folder", ENOTDIR);
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

void remove_tree(const std::string& path) {
  std::error_code cause;
  fs::remove_all(path, cause);
  if (cause) fail(path, "remove", cause.value());
}

std::vector<std::string> list_directory(const std::string& path) {
  std::vector<std::string> names;
  std::error_code cause;
  for (fs::directory_iterator it(path, cause), end; !cause && it != end; it.increment(cause)) {
    names.push_back(it->path().filename().string());
  }
  if (cause && cause.value() != ENOENT) fail(path, "list folder", cause.value());
  std::sort(names.begin(), names.end());
  return names;
}

uint64_t free_bytes_on_disk(const std::string& path) {
  struct statvfs status = {};
  if (::statvfs(path.c_str(), &status) != 0) fail(path, "free space", errno);
  return static_cast<uint64_t>(status.f_bavail) * status.f_frsize;
}

}  // namespace aunet
