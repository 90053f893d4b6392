#include "cli/shipped_text.h"

#include "core/error.h"
#include "core/file.h"
#include "data/byte_reader.h"
#include "data/read_corpus.h"

#include <fmt/format.h>

#include <filesystem>

namespace aunet {

std::string shipped_text(const std::string& flag) {
  const std::string name = "sweeps/data/en_fiction_train.jsonl.zst";
  if (exists(name)) return name;
  const auto tree = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "../..";
  const std::string path = (tree / name).lexically_normal().string();
  if (!exists(path))
    throw ConfigError(fmt::format("{}: expected a text; the shipped one is not here: {}", flag, name));
  return path;
}

Corpus read_text(const std::string& path) {
  if (content_suffix(path) == "jsonl" || std::filesystem::is_directory(path)) return read_texts({path});
  return Corpus::of({read_whole(path)});
}

}  // namespace aunet
