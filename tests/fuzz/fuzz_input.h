// What the libFuzzer targets share: an input as a file, and what counts as an answer.
#pragma once

#include "core/error.h"

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace aunet {

/// The input in a file of that suffix, in memory, removed at the end.
class InputFile {
 public:
  InputFile(std::string_view input, const std::string& suffix)
      : path_("/dev/shm/aunet-fuzz-" + std::to_string(::getpid()) + suffix) {
    std::FILE* file = std::fopen(path_.c_str(), "wb");
    if (!file || std::fwrite(input.data(), 1, input.size(), file) != input.size()) std::abort();
    std::fclose(file);
  }
  ~InputFile() { ::unlink(path_.c_str()); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Wrong input and an unreadable file are answers; any other exception, and of course a crash, is a finding.
template <typename Parse>
void expect_answer(Parse&& parse) {
  try {
    parse();
  } catch (const ConfigError&) {
  } catch (const Error&) {
  }
}

}  // namespace aunet
