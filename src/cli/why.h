// aunet why: what happened to a run, and what to do about it.
#pragma once

#include "cli/command.h"

namespace aunet {

/// aunet why RUN [--runs DIR] [--json]: what the run is, how it stands and why, its last steps and their
/// trend, and of one whose loss left the numbers the norms and the documents that its trainer noted
/// (core/journal.h: DiagnosisRecord), with an [[override]] to paste. Reads the run directory and RUNS/plans;
/// changes nothing.
int cmd_why(const Args& args);

}  // namespace aunet
