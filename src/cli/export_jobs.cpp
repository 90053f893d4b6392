#include "cli/export_jobs.h"

#include "sweep/prepare_run.h"
#include "sweep/retry.h"
#include "sweep/run_state.h"
#include "sweep/run_tree.h"
#include "sweep/slurm.h"

#include <fmt/format.h>

#include <filesystem>
#include <set>

namespace aunet {

std::string own_program() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

std::string export_jobs(const Plan& plan, const RunsRoot& runs, const RetrySpec& retry) {
  std::set<std::string> seen;
  std::string lines;
  for (Cell cell : plan.cells) {
    if (cell.provisional || !seen.insert(cell.key).second) continue;
    if (read_run_state(runs.run(cell.key)).status == "done") continue;
    const auto branch = nearest_branch(runs, cell);
    cell.run.runtime.parent_key = branch ? branch->key : "";
    cell.run.runtime.parent_step = branch ? branch->step : 0;
    const RunDir run = prepare_run(runs, cell);
    const std::string path = std::filesystem::absolute(run.path).lexically_normal().string();
    lines += fmt::format("{} work {} --retry {}\n", shell_quoted(own_program()), shell_quoted(path),
                         retry_words(retry));
  }
  return lines;
}

}  // namespace aunet
