#include "cli/torch_binary.h"

#include "core/error.h"
#include "core/file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

namespace aunet {

std::string own_program() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

std::string torch_binary() {
  const char* other = std::getenv("AUNET_TRAINER");
  const std::string path =
      other && *other ? other : (std::filesystem::path(own_program()).parent_path() / "aunet-torch").string();
  if (::access(path.c_str(), X_OK) == 0) return path;
  if (exists(path))
    throw Error(fmt::format("{}: expected a program, got a file that cannot be executed", path));
  throw Error(
      fmt::format("{}: not there: this `aunet` was built without LibTorch; `make build` builds both "
                  "(or cmake -DAUNET_TORCH=ON)",
                  path));
}

void exec_torch(const std::string& verb, const Args& args) {
  std::vector<std::string> words = {torch_binary(), verb};
  words.insert(words.end(), args.begin(), args.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::fflush(nullptr);
  ::execv(argv[0], argv.data());
  throw Error(fmt::format("{}: {}", words[0], std::strerror(errno)));
}

int cmd_torch_verify(const Args& args) { exec_torch("verify", args); }
int cmd_torch_bench(const Args& args) { exec_torch("bench", args); }
int cmd_torch_eval(const Args& args) { exec_torch("eval", args); }
int cmd_torch_generate(const Args& args) { exec_torch("generate", args); }

}  // namespace aunet
