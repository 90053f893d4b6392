#include "cli/sweep_slurm.h"

#include "cli/torch_binary.h"
#include "core/log.h"
#include "core/text.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <thread>

namespace aunet {

namespace {

constexpr int64_t kMaxRestarts = 20;
constexpr std::chrono::seconds kRequeueKill(60);  // until Slurm has killed what it requeued
constexpr double kFollowUpPatience = 300;         // seconds; a person sees the error and can repeat the call

/// The same call again, in shell words. A job starts in the folder that it was submitted from.
std::string own_command(const Args& args) {
  std::string command = shell_quoted(own_program()) + " sweep";
  for (const std::string& word : args)
    if (word != "--follow-up") command += " " + shell_quoted(word);
  return command;
}

}  // namespace

SlurmOutcome sweep_by_slurm(const Args& args, const std::string& profile, const PlanMaker& plan,
                            const SupervisorOptions& options, bool follow_up) {
  SlurmOptions slurm;
  slurm.profile = read_slurm_profile(profile);
  slurm.program = own_program();
  slurm.command = own_command(args);
  slurm.follow_up = follow_up;
  return submit_round(plan, Slurm(follow_up ? kFollowUpPatience : 0), options, slurm);
}

void plan_again_from_the_queue() {
  const char* job = std::getenv("SLURM_JOB_ID");
  const char* restarts = std::getenv("SLURM_RESTART_COUNT");
  if (!job || (restarts && std::strtoll(restarts, nullptr, 10) >= kMaxRestarts)) return;
  log_info(fmt::format("{}: back into the queue, to plan again", job));
  if (Slurm().requeue(job)) std::this_thread::sleep_for(kRequeueKill);
}

void print_submission(const SlurmOutcome& outcome) {
  if (outcome.submitted > 0)
    fmt::print("{} runs submitted as job {}\n", outcome.submitted, join(outcome.jobs, ", "));
  else if (outcome.queued > 0)
    fmt::print("nothing to submit: {} runs are queued or running\n", outcome.queued);
  if (!outcome.follow_up.empty())
    fmt::print("job {} plans again when these have ended; nothing has to stay alive here\n",
               outcome.follow_up);
}

}  // namespace aunet
