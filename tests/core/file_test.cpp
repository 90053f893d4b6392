#include "core/file.h"

#include "core/error.h"
#include "tests/core/temporary_folder.h"

#include <catch2/catch.hpp>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <functional>

namespace aunet {
namespace {

void write_raw(const std::string& path, const std::string& bytes) {
  remove_tree(
      path);  // ext4 flushes a file that is truncated and written again: seconds over thousands of cases
  std::ofstream(path, std::ios::binary) << bytes;
}

/// Runs `body` in a child whose files may not grow beyond `limit` bytes: the kernel's stand-in for a full
/// disk.
bool in_child_with_file_limit(rlim_t limit, const std::function<bool()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit small = {limit, limit};
    ::setrlimit(RLIMIT_FSIZE, &small);
    bool ok = false;
    try {
      ok = body();
    } catch (...) {
      ok = false;
    }
    ::_exit(ok ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("an atomic write replaces the whole file and leaves no temporary one", "[core]") {
  const TemporaryFolder folder;
  write_file_atomic(folder / "a", "one");
  write_file_atomic(folder / "a", std::string("tw\0o", 4));
  CHECK(read_file(folder / "a") == std::string("tw\0o", 4));
  CHECK(list_directory(folder.path) == std::vector<std::string>{"a"});
}

TEST_CASE("a write that fails keeps the old file and names the cause", "[core]") {
  const TemporaryFolder folder;
  write_file_atomic(folder / "a", "old");
  CHECK(in_child_with_file_limit(100, [&] {
    const std::string message = error_of([&] { write_file_atomic(folder / "a", std::string(1000, 'x')); });
    return message == folder / "a: write: File too large";
  }));
  CHECK(read_file(folder / "a") == "old");
  CHECK(list_directory(folder.path) == std::vector<std::string>{"a"});
  CHECK(error_of([&] { write_file_atomic(folder / "no/a", "x"); }) ==
        folder / "no/a: open: No such file or directory");
}

TEST_CASE("appending cuts off a torn last line, however long the file", "[core]") {
  const TemporaryFolder folder;
  const std::string whole(10000, 'w');
  for (const std::string& torn : {std::string("torn"), std::string(9000, 't'), std::string()}) {
    write_raw(folder / "j", whole + "\n" + torn);
    AppendFile file(folder / "j");
    file.append_line("next");
    file.sync();
    CHECK(read_file(folder / "j") == whole + "\nnext\n");
  }
  write_raw(folder / "j", std::string(9000, 't'));
  AppendFile(folder / "j").append_line("first");
  CHECK(read_file(folder / "j") == "first\n");
  CHECK_THROWS_AS(AppendFile(folder / "j").append_line("a\nb"), BugError);
}

TEST_CASE("a line that does not fit on the disk leaves the lines before it", "[core]") {
  const TemporaryFolder folder;
  CHECK(in_child_with_file_limit(25, [&] {
    AppendFile file(folder / "j");
    file.append_line("0123456789");
    file.append_line("0123456789");
    const std::string message = error_of([&] { file.append_line("0123456789"); });
    return message == folder / "j: append: File too large";
  }));
  CHECK(read_file(folder / "j") == "0123456789\n0123456789\n");
}

TEST_CASE("a lock excludes others, is seen, and dies with its process", "[core]") {
  const TemporaryFolder folder;
  const std::string path = folder / "lock";
  CHECK(!FileLock::is_held_by_someone(path));
  {
    const FileLock lock(path);
    CHECK(lock.held());
    CHECK(!FileLock(path).held());
    CHECK(FileLock::is_held_by_someone(path));
  }
  CHECK(!FileLock::is_held_by_someone(path));
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const FileLock lock(path);
    const char byte = lock.held() ? 'y' : 'n';
    if (::write(ready[1], &byte, 1) == 1) ::pause();
    ::_exit(0);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK(byte == 'y');
  CHECK(FileLock::is_held_by_someone(path));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK(FileLock(path).held());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("folders", "[core]") {
  const TemporaryFolder folder;
  make_directories(folder / "a/b/c");
  make_directories(folder / "a/b/c");
  write_raw(folder / "a/x", "");
  CHECK(exists(folder / "a/b/c"));
  CHECK(list_directory(folder / "a") == std::vector<std::string>{"b", "x"});
  CHECK(list_directory(folder / "absent").empty());
  CHECK_THROWS_AS(list_directory(folder / "a/x"), Error);
  CHECK_THROWS_AS(make_directories(folder / "a/x/y"), Error);
  CHECK_THROWS_AS(make_directories(folder / "a/x"), Error);
  CHECK(free_bytes_on_disk(folder.path) > 0);
  CHECK_THROWS_AS(free_bytes_on_disk(folder / "absent"), Error);
  CHECK(error_of([&] { read_file(folder / "absent"); }) ==
        folder / "absent: open: No such file or directory");
  CHECK(error_of([&] { read_file(folder.path); }) == folder.path + ": read: Is a directory");
  remove_tree(folder / "a");
  CHECK(!exists(folder / "a"));
}

}  // namespace aunet
