#include "sweep/slurm_round.h"

#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "core/text.h"
#include "sweep/notifier.h"
#include "sweep/plan_files.h"
#include "sweep/prepare_run.h"
#include "sweep/retry.h"
#include "sweep/run_queue.h"
#include "sweep/run_tree.h"
#include "sweep/stop_request.h"
#include "sweep/sweep_lock.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

namespace aunet {

namespace {

using Json = nlohmann::json;

constexpr size_t kMaxArray = 1000;  // tasks: Slurm's MaxArraySize is 1001 where nobody raised it

/// One submitted array.
struct Round {
  int64_t number = 0;
  std::string job, follow_up;
  std::vector<std::string> keys;
  bool closed = false;  // none of its tasks is in the queue any more, and its failures were told
};

std::string absolute(const std::string& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

std::string slurm_folder(const RunsRoot& runs, const std::string& sweep) {
  return absolute(runs.path + "/plans/" + sweep + ".slurm");
}

/// Of RUNS/plans/NAME.slurm, in order.
std::vector<Round> read_rounds(const std::string& folder) {
  std::vector<Round> rounds;
  for (const std::string& name : list_directory(folder)) {
    if (!name.starts_with("round-") || !name.ends_with(".json")) continue;
    const Json json = Json::parse(read_file(folder + "/" + name), nullptr, false);
    if (!json.is_object()) throw Error(fmt::format("{}/{}: expected a JSON object", folder, name));
    Round& round = rounds.emplace_back();
    long long number = 0;
    std::sscanf(name.c_str(), "round-%lld.json", &number);
    round.number = number;
    round.job = json.value("job", "");
    round.follow_up = json.value("follow_up", "");
    round.closed = json.value("closed", false);
    round.keys = json.value("keys", std::vector<std::string>());
  }
  std::sort(rounds.begin(), rounds.end(), [](const Round& a, const Round& b) { return a.number < b.number; });
  return rounds;
}

class Submission {
 public:
  Submission(const PlanMaker& plan, const Slurm& slurm, const SupervisorOptions& supervisor,
             const SlurmOptions& options)
      : make_plan_(plan),
        slurm_(slurm),
        supervisor_(supervisor),
        options_(options),
        queue_(supervisor.runs, supervisor.only) {}
  SlurmOutcome run();

 private:
  void plan();
  void note_queue();
  void withdraw_stops();
  std::vector<Job*> startable();
  void submit(const std::vector<Job*>& jobs);
  void plan_again_later();
  SlurmOutcome outcome();

  std::string stem(int64_t round) const { return fmt::format("{}/round-{}", folder_, round); }
  std::string array_command(const std::string& keys_path) const;
  void write_round(const Round& round) const;
  RunDir directory(const Job& job) const { return supervisor_.runs.run(job.cell.key); }

  const PlanMaker& make_plan_;
  const Slurm& slurm_;
  const SupervisorOptions& supervisor_;
  const SlurmOptions& options_;
  RunQueue queue_;
  Plan plan_;
  std::string folder_;
  std::unique_ptr<SweepLock> lock_;
  std::unique_ptr<Notifier> notifier_;
  std::vector<Round> rounds_;
  std::set<std::string> queued_;  // keys that Slurm has
  bool follow_up_waits_ = false;
  SlurmOutcome result_;
};

SlurmOutcome Submission::run() {
  plan();
  rounds_ = read_rounds(folder_);
  note_queue();
  const std::string stop = supervisor_.runs.sweep_stop(plan_.sweep);
  if (options_.follow_up && is_asked_to_stop(stop)) {
    result_.sweep.interrupted = true;
    return outcome();
  }
  if (!options_.follow_up) withdraw_stops();
  if (supervisor_.check_disk) refuse_full_disk(supervisor_.runs, queue_.disk_bytes_needed());
  const std::vector<Job*> jobs = startable();
  for (size_t i = 0; i < jobs.size(); i += kMaxArray)
    submit({jobs.begin() + static_cast<std::ptrdiff_t>(i),
            jobs.begin() + static_cast<std::ptrdiff_t>(std::min(jobs.size(), i + kMaxArray))});
  plan_again_later();
  return outcome();
}

void Submission::plan() {
  const auto losses = [this](const std::string& key) {
    return loss_of(read_run_state(supervisor_.runs.run(key)));
  };
  plan_ = make_plan_(losses);
  refuse_declared_data(plan_);
  lock_ = std::make_unique<SweepLock>(supervisor_.runs, plan_.sweep);
  notifier_ = std::make_unique<Notifier>(supervisor_.notify.command, plan_.sweep);
  const SpeedBook speeds(supervisor_.runs);
  queue_.take(plan_, speeds);
  write_plan_files(supervisor_.runs, plan_);
  folder_ = slurm_folder(supervisor_.runs, plan_.sweep);
  make_directories(folder_);
  result_.sweep.already_done = queue_.count(Job::Stage::Done);
}

/// What Slurm still has is taken; of what it has no more the journals know the end.
void Submission::note_queue() {
  const Slurm::Queue queue = slurm_.queue();
  const auto tasks_of = [&](const std::string& job) {
    const auto found = queue.find(job);
    return found == queue.end() ? std::set<int64_t>() : found->second;
  };
  const char* own = std::getenv("SLURM_JOB_ID");
  for (Round& round : rounds_) {
    if (!round.follow_up.empty() && queue.count(round.follow_up) && !(own && round.follow_up == own))
      follow_up_waits_ = true;
    if (round.closed) continue;
    const std::set<int64_t> tasks = tasks_of(round.job);
    for (const int64_t task : tasks)
      if (task >= 0 && task < static_cast<int64_t>(round.keys.size()))
        queued_.insert(round.keys[static_cast<size_t>(task)]);
    if (!tasks.empty()) continue;
    round.closed = true;
    for (const std::string& key : round.keys) {
      const RunState state = read_run_state(supervisor_.runs.run(key));
      if (state.status == "failed") notifier_->tell("failure", key, state.cause + ": " + state.message);
    }
    write_round(round);
  }
}

void Submission::withdraw_stops() {
  withdraw_stop(supervisor_.runs.sweep_stop(plan_.sweep));
  for (Job* job : queue_.in_stage(Job::Stage::Waiting)) withdraw_stop(directory(*job).stop());
}

/// Prepared, in the queue's order. A follow-up leaves failed and stopped runs to a person.
std::vector<Job*> Submission::startable() {
  for (Job* job : queue_.in_stage(Job::Stage::Waiting)) {
    if (queued_.count(job->cell.key)) job->stage = Job::Stage::Adopted;
    if (!options_.follow_up || job->stage != Job::Stage::Waiting) continue;
    const RunState state = read_run_state(directory(*job));
    if (is_asked_to_stop(directory(*job).stop())) job->stage = Job::Stage::Stopped;
    if (state.status == "failed") queue_.fail(*job, state.cause, state.message);
  }
  std::vector<Job*> jobs;
  while (Job* job = queue_.next()) {
    const auto branch = nearest_branch(supervisor_.runs, job->cell);
    job->cell.run.runtime.parent_key = branch ? branch->key : "";
    job->cell.run.runtime.parent_step = branch ? branch->step : 0;
    const RunDir run = prepare_run(supervisor_.runs, job->cell);
    job->stage = Job::Stage::Adopted;
    if (!FileLock::is_held_by_someone(run.lock())) jobs.push_back(job);
  }
  return jobs;
}

std::string Submission::array_command(const std::string& keys_path) const {
  std::string command = fmt::format(
      "{} work --list {} --task \"$SLURM_ARRAY_TASK_ID\" --runs {} --sweep {} --slurm --margin {:g} --retry "
      "{}",
      shell_quoted(options_.program), shell_quoted(keys_path), shell_quoted(absolute(supervisor_.runs.path)),
      shell_quoted(plan_.sweep), options_.profile.margin_seconds, retry_words(supervisor_.retry));
  if (options_.profile.time_seconds > 0)
    command += fmt::format(" --limit {:g}", options_.profile.time_seconds);
  return command;
}

/// The record comes after the submission: a kill in between leaves jobs that nobody knows, whose runs are
/// submitted again; the run's lock keeps the second process waiting until the first is through.
void Submission::submit(const std::vector<Job*>& jobs) {
  Round round;
  round.number = rounds_.empty() ? 1 : rounds_.back().number + 1;
  SlurmArray array;
  array.sweep = plan_.sweep;
  array.stem = stem(round.number);
  array.n_tasks = static_cast<int64_t>(jobs.size());
  std::string keys;
  for (const Job* job : jobs) {
    round.keys.push_back(job->cell.key);
    keys += job->cell.key + "\n";
    array.threads = std::max(array.threads, job->cell.run.runtime.threads);
  }
  array.command = array_command(array.stem + ".keys");
  write_file_atomic(array.stem + ".keys", keys);
  write_file_atomic(array.stem + ".sh", slurm_array_script(options_.profile, array));
  round.job = slurm_.submit(array.stem + ".sh", {});
  write_round(round);
  result_.submitted += array.n_tasks;
  result_.jobs.push_back(round.job);
  rounds_.push_back(std::move(round));
}

/// After everything that is in the queue now. One at a time: the one that waits will see to what is new.
void Submission::plan_again_later() {
  if (options_.command.empty() || follow_up_waits_) return;
  std::vector<std::string> after;
  for (const Round& round : rounds_)
    if (!round.closed) after.push_back(round.job);
  if (after.empty()) return;
  Round& last = rounds_.back();
  const std::string path = fmt::format("{}/plan-{}", folder_, last.number);
  write_file_atomic(path + ".sh", slurm_plan_script(options_.profile, plan_.sweep, path + ".log",
                                                    options_.command + " --follow-up"));
  last.follow_up = slurm_.submit(path + ".sh", after);
  write_round(last);
  result_.follow_up = last.follow_up;
}

void Submission::write_round(const Round& round) const {
  const Json json = {
      {"job", round.job}, {"keys", round.keys}, {"follow_up", round.follow_up}, {"closed", round.closed}};
  write_file_atomic(stem(round.number) + ".json", json.dump(1));
}

SlurmOutcome Submission::outcome() {
  SweepOutcome& sweep = result_.sweep;
  sweep.cells = queue_.cells();
  sweep.done = queue_.count(Job::Stage::Done);
  for (const Job* job : queue_.in_stage(Job::Stage::Failed)) sweep.failed.push_back(job->failure);
  sweep.not_started = sweep.cells - sweep.done - static_cast<int64_t>(sweep.failed.size());
  result_.queued = queue_.count(Job::Stage::Adopted);
  sweep.interrupted = sweep.interrupted || queue_.count(Job::Stage::Stopped) > 0;
  if (const Job* trial = queue_.blocking_trial(); trial && !plan_.tuning_complete && result_.queued == 0) {
    sweep.tuning_problem = fmt::format("the tuning of {} cannot go on: trial {} failed ({})",
                                       trial->cell.family, trial->cell.key, trial->failure.cause);
  }
  if (result_.queued == 0)
    notifier_->tell(
        "finish", "",
        fmt::format("{} of {} runs done, {} failed", sweep.done, sweep.cells, sweep.failed.size()));
  return result_;
}

}  // namespace

SlurmOutcome submit_round(const PlanMaker& plan, const Slurm& slurm, const SupervisorOptions& supervisor,
                          const SlurmOptions& options) {
  return Submission(plan, slurm, supervisor, options).run();
}

std::vector<std::string> open_slurm_jobs(const RunsRoot& runs, const std::string& sweep) {
  std::vector<std::string> jobs;
  for (const Round& round : read_rounds(slurm_folder(runs, sweep))) {
    if (round.closed) continue;
    jobs.push_back(round.job);
    if (!round.follow_up.empty()) jobs.push_back(round.follow_up);
  }
  return jobs;
}

}  // namespace aunet
