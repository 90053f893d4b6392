// libFuzzer target: a shard file's header and sections. An input that begins with '{' is the header of a file
// that is sound apart from it; else the input is the whole file.
#include "core/hash.h"
#include "data/prepared.h"
#include "data/shard_file.h"
#include "fuzz_input.h"

#include <cstring>
#include <initializer_list>

namespace {

std::string file_around(std::string header) {
  header.resize((24 + header.size() + 63) / 64 * 64 - 24, ' ');
  const uint64_t words[2] = {header.size(), aunet::hash_u64(header)};
  std::string payload(256, 'x');
  const uint64_t check = aunet::hash_u64(payload);
  return "AUNETSH1" + std::string(reinterpret_cast<const char*>(words), sizeof words) + header + payload +
         std::string(reinterpret_cast<const char*>(&check), sizeof check);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace aunet;
  const std::string input(reinterpret_cast<const char*>(data), size);
  const InputFile file(input.starts_with('{') ? file_around(input) : input, ".text");
  expect_answer([&] {
    const ShardFile shard(file.path());
    for (const char* name : {"text", "offsets", "hashes", "levels"}) {
      if (!shard.has(name)) continue;
      uint64_t sum = 0;
      for (const uint64_t value : shard.section<uint64_t>(name)) sum += value;  // reads what it may
      for (const char value : shard.checked(shard.section<char>(name))) sum += static_cast<uint64_t>(value);
      if (sum == 42) std::puts("42");  // so that nothing is optimised away
    }
    shard.check_all();
  });
  expect_answer([&] { parse_manifest(input, "manifest"); });
  return 0;
}
