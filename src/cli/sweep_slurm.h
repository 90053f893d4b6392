// `aunet sweep --launcher slurm[:PROFILE]`: one call, from the command line's side.
#pragma once

#include <string>

#include "cli/command.h"
#include "sweep/slurm_round.h"

namespace aunet {

/// `args` are those of the call: the job that plans again repeats them.
SlurmOutcome sweep_by_slurm(const Args& args, const std::string& profile, const PlanMaker& plan,
                            const SupervisorOptions& options, bool follow_up);

/// What was submitted, for people.
void print_submission(const SlurmOutcome& outcome);

}  // namespace aunet
