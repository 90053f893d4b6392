// libFuzzer target: a Hugging Face tokenizer.json. An input that begins with '{' is the whole file. Else it
// is three lines, the pre-tokenizer, more members of model.vocab, and the merges of a file that is sound
// apart from them: what a fuzzer would hardly come to through 256 letters.
#include "baselines/byte_alphabet.h"
#include "fuzz_tokenizer.h"

#include <nlohmann/json.hpp>

namespace {

std::string file_around(std::string_view input) {
  static const std::string letters = [] {
    std::string members;
    for (int byte = 0; byte < 256; ++byte)
      members += nlohmann::json(aunet::letters_of_bytes(std::string(1, static_cast<char>(byte)))).dump() +
                 ":" + std::to_string(byte) + ",";
    return members;
  }();
  const auto next_line = [&] {
    const size_t end = std::min(input.find('\n'), input.size());
    const std::string line(input.substr(0, end));
    input.remove_prefix(std::min(end + 1, input.size()));
    return line;
  };
  const std::string pre_tokenizer = next_line(), vocab = next_line(), merges = next_line();
  return R"({"added_tokens":[{"id":300,"content":"<|end|>","special":true}],"pre_tokenizer":)" +
         (pre_tokenizer.empty() ? R"({"type":"ByteLevel","add_prefix_space":false})" : pre_tokenizer) +
         R"(,"model":{"vocab":{)" + letters + vocab + R"("ab":256},"merges":[)" + merges + "]}}";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  aunet::fuzz_tokenizer(input.starts_with('{') ? std::string(input) : file_around(input));
  return 0;
}
