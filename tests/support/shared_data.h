// Where tests find data: small files in the tree, larger ones outside it (DESIGN, "What is here").
#pragma once

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace aunet {

inline std::string golden_path(const std::string& name) {
  return std::string(AUNET_SOURCE_DIR) + "/tests/golden/" + name;
}

/// Path of a file of the shared data (`$AUNET_DATA`, else ../shared/data), or of its sibling folder golden/
/// for names that begin with "golden/". "" and a printed warning when it is not there.
inline std::string shared_path(const std::string& name) {
  const char* variable = std::getenv("AUNET_DATA");
  const std::string data = variable ? variable : std::string(AUNET_SOURCE_DIR) + "/../shared/data";
  const std::string path = (name.starts_with("golden/") ? data + "/../" : data + "/") + name;
  if (std::filesystem::exists(path)) return path;
  WARN(fmt::format("skipped: {} is not there (set AUNET_DATA)", path));
  return "";
}

/// A folder of its own for a test, removed at the end.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "aunet-test-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace aunet
