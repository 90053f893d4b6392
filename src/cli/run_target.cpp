#include "cli/run_target.h"

#include "core/error.h"
#include "core/file.h"

#include <fmt/format.h>

#include <filesystem>

namespace aunet {

RunTarget find_target(const std::string& path) {
  if (exists(path + "/run.toml")) return {{path}, ""};
  if (exists(path + "/state.json")) {
    const auto run = std::filesystem::absolute(path + "/.").parent_path().parent_path().parent_path();
    if (exists((run / "run.toml").string())) return {{run.string()}, path};
  }
  throw ConfigError(fmt::format("{}: expected a run directory (with run.toml) or a checkpoint of one", path));
}

LoadedCheckpoint load_target(const RunTarget& target, const RunParts& parts) {
  const Checkpoints checkpoints(target.run.checkpoints(), parts.key, current_numerics(parts.run.runtime), 1);
  if (!target.checkpoint.empty()) return checkpoints.load(target.checkpoint, *parts.model, nullptr);
  auto loaded = checkpoints.load_newest(*parts.model, nullptr);
  if (!loaded) throw Error(fmt::format("{}: no complete checkpoint", target.run.checkpoints()));
  return std::move(*loaded);
}

}  // namespace aunet
