// libFuzzer target: a source of documents. The first byte says how it is compressed and what is asked of
// broken lines; the rest is the file.
#include "data/source_reader.h"
#include "data/utf8.h"
#include "fuzz_input.h"

#include <initializer_list>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace aunet;
  if (size == 0) return 0;
  static const std::string suffixes[] = {".jsonl", ".jsonl.zst", ".jsonl.gz", ".txt"};
  const InputFile file({reinterpret_cast<const char*>(data) + 1, size - 1}, suffixes[data[0] % 4]);
  for (const InvalidText invalid : {InvalidText::Refuse, InvalidText::Skip}) {
    expect_answer([&] {
      ReadReport report;
      for_each_document(file.path(), data[0] / 64, invalid, report, [](std::string_view text, int64_t) {
        if (text.empty() || find_invalid_utf8(text) != std::string_view::npos) std::abort();
      });
    });
  }
  return 0;
}
