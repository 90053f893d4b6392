// The optimum between the trials: vertex of a quadratic through the ones around the best.
#pragma once

#include <cstddef>
#include <vector>

namespace aunet {

/// A finished trial: where it lies, in steps of each axis (real numbers: batches are rounded to windows), and
/// its loss. Diverged ones are left out by the caller.
struct TrialPoint {
  std::vector<double> at;
  double loss = 0;
};

/// Vertex of the least-squares quadratic through the trials within 2 steps of `best` on every axis of `free`
/// (those farther than 1 step count a quarter: losses rise faster than a parabola), as steps from
/// `points[best]`, at most 1 on each axis. Axes that are not free stay at 0, and trials that differ from the
/// best in one of them are not used. Tilts between axes are shrunk as by a quarter of a trial that saw none,
/// and dropped where the quadratic would have no minimum; an axis that is not convex stays at 0, and so does
/// one with fewer than three values among those trials. Never beyond what was tried: at the edge of the
/// trials the vertex may lie between the best and its inner neighbour, not outside.
///
/// Source  quadratic in log-log as Porian et al. 2024 (arXiv 2406.19146) and Li et al. 2025 (arXiv
/// 2503.04715)
///         fit rates and batches; weights and shrinkage are this house's
std::vector<double> vertex_around(const std::vector<TrialPoint>& points, std::size_t best,
                                  const std::vector<bool>& free);

}  // namespace aunet
