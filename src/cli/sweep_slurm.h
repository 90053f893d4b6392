// `aunet sweep --launcher slurm[:PROFILE]`: one call, from the command line's side.
#pragma once

#include <string>

#include "cli/command.h"
#include "sweep/slurm_round.h"

namespace aunet {

/// `args` are those of the call: the job that plans again repeats them.
SlurmOutcome sweep_by_slurm(const Args& args, const std::string& profile, const PlanMaker& plan,
                            const SupervisorOptions& options, bool follow_up);

/// For the job that plans again, when it could not: back into Slurm's queue, which kills us; nobody else
/// would go on with the sweep. Returns when that is no use: not in a job, or it has been there twenty times.
void plan_again_from_the_queue();

/// What was submitted, for people.
void print_submission(const SlurmOutcome& outcome);

}  // namespace aunet
