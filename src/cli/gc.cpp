#include "cli/gc.h"

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "sweep/garbage.h"

#include <fmt/format.h>

namespace aunet {
namespace po = boost::program_options;

int cmd_gc(const Args& args) {
  po::options_description options("options");
  std::string folder = "runs";
  int64_t keep = 0;
  options.add_options()("runs", po::value(&folder)->default_value(folder), "folder of run directories")(
      "keep", po::value(&keep)->default_value(0, "as each run says"),
      "checkpoints that stay of a done run, the newest; those that a run tree starts from stay as well")(
      "dry-run", "only say what would be deleted");
  po::variables_map values;
  if (!parse_command_line(args, "aunet gc [options]", "aunet gc --runs runs --keep 1 --dry-run", options, {},
                          values)) {
    return 0;
  }
  if (keep < 1 && !values["keep"].defaulted())
    throw ConfigError(fmt::format("--keep: expected a number >= 1, got {}", keep));
  if (!exists(folder)) throw ConfigError(fmt::format("{}: no such folder", folder));
  const bool dry = values.count("dry-run") > 0;
  double sum = 0;
  size_t n = 0;
  for (const Garbage& garbage : find_garbage({folder}, keep)) {
    if (!dry && !remove_garbage({folder}, garbage)) {
      fmt::print("{}: left: somebody is at work\n", garbage.path);
      continue;
    }
    fmt::print("{:>10}  {}  ({})\n", human_bytes(garbage.n_bytes), garbage.path, garbage.why);
    sum += garbage.n_bytes;
    ++n;
  }
  fmt::print("{}: {} of {} {}\n", folder, human_bytes(sum), n, dry ? "would be deleted" : "deleted");
  return static_cast<int>(ExitCode::Done);
}

}  // namespace aunet
