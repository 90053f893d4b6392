// The tuning rule (DESIGN section 4): steps of a fixed size on every tuned axis until the best point is
// interior on each of them, the same for every family, at most max_trials.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace aunet {

/// A trial as steps from the start, one per axis.
using Trial = std::vector<int>;

/// What the rule knows of an axis: its name and the last steps that exist. Beyond them is a wall.
struct SearchAxis {
  std::string name;
  int lowest = -kFar, highest = kFar;
  bool ordered = true;  // the loss is a smooth function of the step, so that it can be foreseen
  static constexpr int kFar = 60;
};

struct TuningState {
  std::vector<Trial> next;         // trials to run now (may run in parallel); empty when finished
  Trial best;                      // of the finished ones
  bool interior = false;           // best has finished, worse neighbours on both sides of every axis
  std::vector<std::string> walls;  // axes on which best is the last step that exists
};

/// Pure function of the finished trials. The start first; then its missing neighbours on each axis; when the
/// best moves, the neighbours of the new best; until interior or max_trials.
///
/// A centre whose neighbours have all run and which a neighbour beats foresees the optimum: the vertex of a
/// parabola through the three points of each axis, at most 4 steps away (2 where the three fall in a line).
/// That point is tried, once per centre, before the best's other neighbours: a start that is 8 times off
/// costs one trial more, not a walk. It proves nothing by itself; only worse neighbours end the search.
///
/// An interior best gets one more trial on the better side of both "lr" and "batch" when none has run there:
/// the valley of the two is tilted, and only a diagonal shows by how much. When that one is better, the
/// search goes on.
///
/// While every trial has diverged, the only next one is the best's lower "lr" (where rates are tuned).
///
/// `pad_to` > 0 asks for further trials (two steps out on each axis, then the diagonal neighbours, then
/// farther points) until that many ran: families must end with equal effort, and these points sharpen the
/// vertex. A best point at a wall ends the search on that axis and is not interior.
///
/// Ties go to the smaller "batch", then the smaller "lr", then fewer steps; between diverged trials (NaN or
/// inf) to the smaller "lr".
TuningState next_trials(const std::vector<Trial>& done, const std::vector<double>& loss_bpb,
                        const std::vector<SearchAxis>& axes, int64_t max_trials, int64_t pad_to);

/// Where [tune] names no max_trials: 9 for one axis, and 13, 21, 29 ... for two, three, four: 1.5 times a
/// full grid of three values an axis for two, far less beyond.
int64_t default_max_trials(size_t n_axes);

}  // namespace aunet
