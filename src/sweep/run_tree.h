// Run trees: warmup-stable-decay runs that differ only in their horizon share a stable phase.
//
// A tree is a plan of execution, not an identity: a cell has the key, and bit by bit the weights, of the run
// that starts at step 0. What it is spared is provenance (run.toml's parent, the journal's from_run). The
// cells of a tree form a chain, ascending in steps: each may start from the state in which the next shorter
// one begins its decay. So a tree costs its longest stable phase plus every decay, and a longer budget that
// is added later goes on from what is there.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "core/run_dir.h"
#include "sweep/plan.h"

namespace aunet {

/// Training FLOPs of the cell's first `steps` steps, by a convention.
using PrefixFlops = std::function<double(const Cell& cell, int64_t steps, Convention convention)>;

/// Fills tree, ancestors, parent, shared steps and shared FLOPs of all cells of sweeps whose schedule has a
/// trunk (config/schedule.h: trunk_key); leaves the others alone. A key that occurs twice gets one place.
/// `sweep_convention` is that of the budgets.
void link_run_trees(std::vector<Cell>& cells, const PrefixFlops& flops, Convention sweep_convention);

/// The nearest ancestor of a cell whose checkpoint is there; nullopt when it has to start at step 0.
std::optional<BranchPoint> nearest_branch(const RunsRoot& runs, const Cell& cell);
/// Whether the checkpoint of a branch point is there. Whether it is intact is for the trainer to say.
bool is_there(const RunsRoot& runs, const BranchPoint& point);

}  // namespace aunet
