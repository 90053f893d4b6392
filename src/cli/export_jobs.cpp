#include "cli/export_jobs.h"

#include "cli/torch_binary.h"
#include "core/text.h"
#include "sweep/prepare_run.h"
#include "sweep/retry.h"
#include "sweep/run_state.h"
#include "sweep/run_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <vector>

namespace aunet {

namespace {

/// Where a branch of a run tree is to start: with its nearest ancestor that has the checkpoint, or will have
/// it when the lines before this one have run.
std::optional<BranchPoint> planned_branch(const RunsRoot& runs, const Cell& cell) {
  for (const BranchPoint& point : cell.ancestors)
    if (is_there(runs, point) || read_run_state(runs.run(point.key)).status != "done") return point;
  return std::nullopt;
}

}  // namespace

std::string export_jobs(const Plan& plan, const RunsRoot& runs, const RetrySpec& retry) {
  std::vector<Cell> cells = plan.cells;
  std::stable_sort(cells.begin(), cells.end(), [](const Cell& a, const Cell& b) {
    return a.ancestors.size() < b.ancestors.size();  // parents first
  });
  std::set<std::string> seen;
  std::string lines;
  for (Cell& cell : cells) {
    if (cell.provisional || !seen.insert(cell.key).second) continue;
    if (read_run_state(runs.run(cell.key)).status == "done") continue;
    const auto branch = planned_branch(runs, cell);
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
