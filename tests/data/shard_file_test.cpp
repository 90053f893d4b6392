#include "data/shard_file.h"

#include "core/error.h"
#include "core/file.h"
#include "core/random.h"
#include "tests/support/shared_data.h"

#include <catch2/catch.hpp>

namespace aunet {
namespace {

const ShardFacts kFacts{.words = {{"name", "sh\"ard"}}, .numbers = {{"n", -3}}};

void write_example(const std::string& path, size_t n_bytes) {
  const std::vector<uint64_t> numbers{7, 8, 9};
  std::string text;
  for (size_t i = 0; i < n_bytes; ++i) text += static_cast<char>('a' + i % 26);
  write_shard_file(path, kFacts, {{"text", text}, {"numbers", bytes_of(numbers)}, {"none", ""}});
}

/// Opens a file, touches all of it. "" or the error's message without the path.
std::string read_all(const std::string& path) {
  try {
    const ShardFile file(path);
    for (const char* name : {"text", "numbers", "none"})
      if (file.has(name)) file.checked(file.section<char>(name));
    file.check_all();
    return "";
  } catch (const Error& e) {
    return std::string(e.what()).substr(path.size() + 2);
  }
}

}  // namespace

TEST_CASE("what is written is what is mapped", "[data]") {
  const ScratchFolder folder;
  for (const size_t n : {size_t{0}, size_t{1}, size_t{64}, size_t{65536}, size_t{200000}}) {
    write_example(folder.file("x"), n);
    const ShardFile file(folder.file("x"));
    CHECK(file.facts() == kFacts);
    const auto text = file.checked(file.section<char>("text"));
    REQUIRE(text.size() == n);
    for (size_t i = 0; i < n; ++i) REQUIRE(text[i] == static_cast<char>('a' + i % 26));
    const auto numbers = file.checked(file.section<uint64_t>("numbers"));
    CHECK(std::vector<uint64_t>(numbers.begin(), numbers.end()) == std::vector<uint64_t>{7, 8, 9});
    CHECK(file.section<char>("none").empty());
    CHECK(!file.has("more"));
    CHECK_THROWS_WITH(file.section<char>("more"), Catch::EndsWith("x: expected a section 'more', got none"));
  }
}

TEST_CASE("a section of the wrong length for its values is an error", "[data]") {
  const ScratchFolder folder;
  write_example(folder.file("x"), 9);
  const ShardFile file(folder.file("x"));
  CHECK_THROWS_WITH(file.section<uint32_t>("text"),
                    Catch::EndsWith("section 'text': expected values of 4 bytes, got 9 bytes"));
}

TEST_CASE("only the block that is touched is checked, and each damaged one is found", "[data]") {
  const ScratchFolder folder;
  write_example(folder.file("x"), 200000);
  std::string bytes = read_file(folder.file("x"));
  const size_t at = bytes.find("abcdefghijklmnopqrstuvwxyz", 150000);
  bytes[at] = 'X';
  write_file_atomic(folder.file("x"), bytes);
  const ShardFile file(folder.file("x"));
  const auto text = file.section<char>("text");
  CHECK_NOTHROW(file.checked(text.subspan(0, 1000)));
  CHECK_THROWS_WITH(file.checked(text.subspan(at - 100, 300)), Catch::Contains("x: damaged: bytes "));
  CHECK_THROWS_AS(file.check_all(), Error);
}

TEST_CASE("every single damaged byte and every truncation is one clear error", "[data]") {
  const ScratchFolder folder;
  const std::string path = folder.file("x");
  write_example(path, 500);
  const std::string good = read_file(path);
  REQUIRE(read_all(path).empty());
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x41);
    write_file_atomic(path, bad);
    INFO("byte " << i);
    REQUIRE(!read_all(path).empty());
  }
  for (size_t n = 0; n < good.size(); ++n) {
    write_file_atomic(path, good.substr(0, n));
    INFO("cut after " << n);
    REQUIRE(!read_all(path).empty());
  }
  write_file_atomic(path, good + std::string(8, '\0'));
  CHECK(!read_all(path).empty());
}

}  // namespace aunet
