#include "core/hash.h"

#include "core/error.h"
#include "core/file.h"
#include "tests/core/temporary_folder.h"

#include <catch2/catch.hpp>

namespace aunet {

TEST_CASE("hash_hex equals xxh3_128_hexdigest of python-xxhash", "[core]") {
  CHECK(hash_hex("") == "99aa06d3014798d86001c324468d497f");
  CHECK(hash_hex("a") == "a96faf705af16834e6c632b61e964e1f");
  CHECK(hash_hex("The quick brown fox jumps over the lazy dog") == "ddd650205ca3e7fa24a1cc2e3a8a7651");
}

TEST_CASE("pieces and files hash like their bytes in one", "[core]") {
  std::string bytes;
  for (int i = 0; i < 100000; ++i) bytes += static_cast<char>(i % 251);
  CHECK(hash_hex(bytes) == "54182c58bbb1337c42c23aeead96750d");
  Hasher hasher;
  for (size_t begin = 0; begin < bytes.size(); begin += 777)
    hasher.update(std::string_view(bytes).substr(begin, 777));
  CHECK(hasher.hex() == hash_hex(bytes));
  const TemporaryFolder folder;
  write_file_atomic(folder / "bytes", bytes);
  CHECK(hash_file(folder / "bytes") == hash_hex(bytes));
  CHECK_THROWS_WITH(hash_file(folder / "absent"), folder / "absent: open: No such file or directory");
  CHECK_THROWS_AS(hash_file(folder.path), Error);
}

}  // namespace aunet
