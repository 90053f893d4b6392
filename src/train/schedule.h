// The learning rate as a function of the step. Pure; the trainer asks once a step.
#pragma once

#include <cstdint>

#include "config/run_config.h"

namespace aunet {

/// Steps of warm-up: `warmup` x n_steps, rounded to the nearest; at least 1 when warmup > 0, at most n_steps.
int64_t warmup_steps(const ScheduleConfig& schedule, int64_t n_steps);

/// Rate / peak of step s, counted from 1: the first step uses s = 1, the last s = n_steps.
///
///   s <= w   s / w                   (w = warmup_steps; the first step has 1 / w, step w the peak)
///   s >  w   floor + (1 - floor) (1 + cos(pi (s - w) / (n - w))) / 2     (the last step has the floor)
///
/// Source   arXiv 2506.14761 table 6 (10 % linear warm-up from 0, cosine to 0.01 of the peak), equation of
///          lingua's optim.py. There s runs from 0 to n - 1, so the first update has rate 0 and is lost; in
///          runs of a hundred steps that is 1 % of the budget, so ours is shifted by one.
/// Throws   BugError for s outside 1 .. n_steps or a kind other than "cosine"
double rate_factor(const ScheduleConfig& schedule, int64_t step, int64_t n_steps);

}  // namespace aunet
