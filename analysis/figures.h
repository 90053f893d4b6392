// What the report draws. Colours belong to families (their order in the sweep), so that one family looks the
// same in every figure. A figure with nothing to show has an empty script.
#pragma once

#include <vector>

#include "analysis/conclusion.h"
#include "analysis/gnuplot.h"

namespace aunet {

/// Every cell, the best of each budget, and the curve fitted through those.
Figure loss_figure(const SweepCells& cells);
/// One family: held-out loss over training FLOPs per byte, a line a budget, with the parabolas.
Figure isoflop_figure(const SweepCells& cells, size_t family);
/// Training loss over accounted FLOPs of the best run of each budget, smoothed over 1/50 of the steps.
Figure training_figure(Db& db, const SweepCells& cells);
/// M(C) with intervals; the mean as a band. Only for a conclusion that was not refused.
Figure multiplier_figure(const SweepCells& cells, const Conclusion& conclusion);

}  // namespace aunet
