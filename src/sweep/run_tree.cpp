#include "sweep/run_tree.h"

#include "config/schedule.h"
#include "core/file.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>

namespace aunet {

namespace {

using Length = std::tuple<int64_t, int64_t, int64_t>;

/// Steps first; windows and the cut of the last one tell apart what the steps do not.
Length length_of(const Cell& cell) {
  const HorizonConfig& horizon = cell.run.horizon;
  const int64_t cut =
      horizon.last_window_bytes > 0 ? horizon.last_window_bytes : cell.run.data.context_bytes + 1;
  return {cell.steps, horizon.windows, cut};
}

void start_from(Cell& cell, const BranchPoint& parent, const PrefixFlops& flops, Convention convention) {
  cell.run.runtime.parent_key = parent.key;
  cell.run.runtime.parent_step = parent.step;
  cell.shared_steps = parent.step;
  cell.shared_flops = flops(cell, parent.step, convention);
  cell.shared_useful = flops(cell, parent.step, Convention::Useful);
}

}  // namespace

void link_run_trees(std::vector<Cell>& cells, const PrefixFlops& flops, Convention sweep_convention) {
  std::map<std::string, std::map<Length, std::vector<Cell*>>> trees;
  for (Cell& cell : cells) {
    cell.tree = trunk_key(cell.run);
    if (!cell.tree.empty()) trees[cell.tree][length_of(cell)].push_back(&cell);
  }
  for (auto& [tree, by_length] : trees) {
    std::vector<const Cell*> shorter;  // nearest first
    for (auto& [length, twins] : by_length) {
      for (Cell* cell : twins) {
        cell->ancestors.clear();
        for (const Cell* ancestor : shorter) {
          const int64_t step = std::min(branch_step(ancestor->run), branch_step(cell->run));
          if (step > 0) cell->ancestors.push_back({ancestor->key, step});
        }
        if (!cell->ancestors.empty()) start_from(*cell, cell->ancestors.front(), flops, sweep_convention);
      }
      shorter.insert(shorter.begin(), twins.front());
    }
  }
}

bool is_there(const RunsRoot& runs, const BranchPoint& point) {
  return exists(fmt::format("{}/step-{:08d}", runs.run(point.key).checkpoints(), point.step));
}

std::optional<BranchPoint> nearest_branch(const RunsRoot& runs, const Cell& cell) {
  const auto there = std::find_if(cell.ancestors.begin(), cell.ancestors.end(),
                                  [&](const BranchPoint& point) { return is_there(runs, point); });
  return there == cell.ancestors.end() ? std::nullopt : std::optional(*there);
}

}  // namespace aunet
