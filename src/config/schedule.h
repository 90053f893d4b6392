// The learning rate as a function of the step, and what runs of different length have in common because of
// it. Pure; the planner and the trainer ask the same functions.
#pragma once

#include <cstdint>
#include <string>

#include "config/run_config.h"

namespace aunet {

/// Steps of a horizon: ceil(windows / batch_windows). Throws BugError when batch_windows is not positive.
int64_t total_steps(const HorizonConfig& horizon);

/// Steps of warm-up. By `warmup_steps` when that is given (>= 0), whatever the length of the run; else
/// `warmup` x n_steps, rounded to the nearest, at least 1 when warmup > 0 and at most n_steps.
int64_t warmup_steps(const ScheduleConfig& schedule, int64_t n_steps);

/// wsd: the last step s0 before the decay, n_steps - decay x n_steps (rounded to the nearest, at least 1 step
/// of decay), never inside the warm-up. Does not fall when n_steps grows. 0 for other kinds.
int64_t stable_steps(const ScheduleConfig& schedule, int64_t n_steps);

/// Rate / peak of step s, counted from 1: the first step uses s = 1, the last s = n_steps = n.
///
///   s <= w        s / w                (w = warmup_steps; the first step has 1 / w, step w the peak)
///   cosine        floor + (1 - floor) (1 + cos(pi (s - w) / (n - w))) / 2     (the last step has the floor)
///   wsd, s <= s0  1                    (s0 = stable_steps)
///   wsd, s > s0   floor + (1 - floor) (1 - sqrt((s - s0) / (n - s0)))         (the last step has the floor)
///
/// Source   cosine: arXiv 2506.14761 table 6 (10 % linear warm-up from 0, cosine to 0.01 of the peak),
///          equation of lingua's optim.py. There s runs from 0 to n - 1, so the first update has rate 0 and
///          is lost; in runs of a hundred steps that is 1 % of the budget, so ours is shifted by one. wsd:
///          Haegele et al. 2024, arXiv 2405.18392, section 3, and the authors' code
///          (epfml/schedules-and-scaling, src/optim/utils.py, decay_type "sqrt"): constant rate and a
///          cooldown that beats a linear one; 10 to 20 % of the steps match the cosine. Theirs has 1 at step
///          s0 + 1 and never reaches its end; ours is shifted by one like the cosine and ends at the floor.
/// Throws   BugError for s outside 1 .. n_steps or another kind
double rate_factor(const ScheduleConfig& schedule, int64_t step, int64_t n_steps);

/// Hash (16 hex digits) of all that decides the stable phase of a wsd run: its canonical form without the
/// horizon's length, the share of the decay and the floor. Runs with one trunk are bitwise equal up to
/// shared_steps(). "" when the schedule ties every step to the horizon: cosine, or a warm-up that is a share.
std::string trunk_key(const RunConfig& run);

/// The last step that others may start from: stable_steps(), but never the run's last step, whose last window
/// may be cut. 0 without a trunk.
int64_t branch_step(const RunConfig& run);

/// The first so many steps of both runs are the same, bit by bit, on equal numerics (threads, device,
/// instruction set). 0 when their trunks differ.
int64_t shared_steps(const RunConfig& a, const RunConfig& b);

}  // namespace aunet
