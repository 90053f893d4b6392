// libFuzzer target: a safetensors file. An input that begins with '{' is the header of a file with 64 bytes
// of data; else the input is the whole file.
#include "fuzz_input.h"
#include "nn/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace aunet;
  std::string input(reinterpret_cast<const char*>(data), size);
  if (input.starts_with('{')) {
    const uint64_t header_size = input.size();
    input = std::string(reinterpret_cast<const char*>(&header_size), sizeof header_size) + input +
            std::string(64, 'x');
  }
  const InputFile file(input, ".safetensors");
  expect_answer([&] { read_safetensors(file.path()); });
  return 0;
}
