// Several files as one: written whole or not at all, read whole or refused.
#include "core/archive.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "temporary_folder.h"

#include <catch2/catch.hpp>

using namespace aunet;

namespace {

std::string write_some(const TemporaryFolder& folder, const std::string& name) {
  write_file_atomic(folder / "source", std::string(3'000'000, 'x') + "end");
  ArchiveWriter archive(folder / name);
  archive.add("a.json", "{}");
  archive.add("empty", "");
  archive.add_file("data/deep/source", folder / "source");
  archive.finish();
  return folder / name;
}

}  // namespace

TEST_CASE("an archive gives back what was put in, equal contents equal bytes", "[core]") {
  const TemporaryFolder folder;
  const std::string path = write_some(folder, "one");
  CHECK(read_file(path) == read_file(write_some(folder, "two")));
  ArchiveReader archive(path);
  REQUIRE(archive.next());
  CHECK(archive.name() == "a.json");
  CHECK(archive.read_all(10) == "{}");
  REQUIRE(archive.next());
  CHECK(archive.read_all(10).empty());
  REQUIRE(archive.next());
  CHECK(archive.unpack(folder / "out") == hash_file(folder / "source"));
  CHECK(read_file(folder / "out/data/deep/source") == read_file(folder / "source"));
  CHECK_FALSE(archive.next());
}

TEST_CASE("an archive that is not finished leaves nothing, and the old one stays", "[core]") {
  const TemporaryFolder folder;
  const std::string before = read_file(write_some(folder, "one"));
  {
    ArchiveWriter archive(folder / "one");
    archive.add("other", "text");
  }
  CHECK(read_file(folder / "one") == before);
  CHECK(list_directory(folder.path) == std::vector<std::string>{"one", "source"});
  CHECK_THROWS_AS(ArchiveWriter(folder / "no/such/folder"), Error);
}

TEST_CASE("what is no archive, or cut short, or too long is an error", "[core]") {
  const TemporaryFolder folder;
  const std::string bytes = read_file(write_some(folder, "one"));
  const auto read_through = [&](const std::string& content) {
    write_file_atomic(folder / "bad", content);
    ArchiveReader archive(folder / "bad");
    while (archive.next()) archive.read([](std::string_view) {});
  };
  CHECK_NOTHROW(read_through(bytes));
  CHECK_THROWS_AS(read_through(bytes.substr(0, bytes.size() / 2)), Error);
  CHECK_THROWS_AS(read_through("no archive at all, but more than nothing\n"), Error);
  ArchiveReader archive(folder / "one");
  REQUIRE(archive.next());
  CHECK_THROWS_AS(archive.read_all(1), Error);
  CHECK_THROWS_AS(ArchiveReader(folder / "absent"), Error);
}

TEST_CASE("names that lead out of the archive are not written", "[core]") {
  const TemporaryFolder folder;
  ArchiveWriter archive(folder / "one");
  for (const char* name : {"", "/etc/passwd", "../up", "a/../../b", "a//b"})
    CHECK_THROWS_AS(archive.add(name, "x"), BugError);
}
