// The process that works on one run: what every launcher starts.
#pragma once

#include "cli/command.h"

namespace aunet {

/// aunet-torch train-run RUN_DIR [--allow-numerics]: trains the run of RUN_DIR/run.toml to its horizon, from
/// its newest complete checkpoint or from nothing, and evaluates it.
///
/// Journals attempt, steps, checkpoints, gates, the held-out evaluation, those of [[eval]] and the end. A run
/// that was done before is never trained again: only evaluations that it lacks are made, from its final
/// checkpoint. Returns
///   0   done, also when it was done before
///   1   (throws Error) lock held by somebody, corpus changed, disk full, loss not finite or diverged, gate
///       not passed: the journal ends with "failed" and the cause, except when the journal cannot be written
///       an [[eval]] could not be made: the run is "done" all the same
///   75  SIGTERM, SIGINT or SIGUSR1: the step was finished and checkpointed, the journal ends "interrupted"
int cmd_train_run(const Args& args);

}  // namespace aunet
