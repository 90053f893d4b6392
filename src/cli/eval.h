// Evaluation of a finished or running run.
#pragma once

#include "cli/command.h"

namespace aunet {

/// aunet eval RUN|CHECKPOINT --tasks bpb [--gate causal] [--limit N] [--json]: reads the newest complete
/// checkpoint (or the one named) and scores the run's held-out text. Writes nothing into the run. Exit 1 when
/// a gate was asked for and its verdict is not "pass".
int cmd_eval(const Args& args);

}  // namespace aunet
