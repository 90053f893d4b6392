// What the report draws. Colours belong to families (their order in the sweep), so that one family looks the
// same in every figure. A figure with nothing to show has an empty script.
#pragma once

#include <vector>

#include "analysis/conclusion.h"
#include "analysis/gnuplot.h"
#include "analysis/pareto.h"

namespace aunet {

/// Every cell, the best of each budget, and the curve fitted through those.
Figure loss_figure(const SweepCells& cells);
/// One family: held-out loss over training FLOPs per byte, a line a budget, with the parabolas.
Figure isoflop_figure(const SweepCells& cells, size_t family);
/// Training loss over accounted FLOPs of the best run of each budget, smoothed over 1/50 of the steps.
Figure training_figure(Db& db, const SweepCells& cells);
/// Bits per byte over what the cells cost to use: the joint front and each family's own as steps, over all
/// budgets; the joint front of every budget thinner. Dominated cells are faint.
Figure pareto_figure(const SweepCells& cells, const ParetoView& view);
/// M(C) with intervals; the mean as a band. Only for a conclusion that was not refused.
Figure multiplier_figure(const SweepCells& cells, const Conclusion& conclusion);

}  // namespace aunet
