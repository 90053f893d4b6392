// libFuzzer target: a tiktoken rank file. The input goes after the 256 bytes that every tokenizer needs, so
// that most inputs reach the merges; one that begins with '#' is the whole file instead.
#include "baselines/rank_file.h"
#include "fuzz_tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  static const std::string bytes = [] {
    std::vector<std::string> tokens;
    for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
    return aunet::rank_file_text(tokens);
  }();
  aunet::fuzz_tokenizer(input.starts_with('#') ? std::string(input.substr(1)) : bytes + std::string(input));
  return 0;
}
