#include "sweep/slurm_round.h"

#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "core/text.h"
#include "sweep/missing_evals.h"
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
#include <exception>
#include <filesystem>
#include <map>
#include <set>

namespace aunet {

namespace {

using Json = nlohmann::json;

constexpr size_t kMaxArray = 1000;  // tasks: Slurm's MaxArraySize is 1001 where nobody raised it

constexpr int64_t kLookAgainSeconds = 600;  // for runs that are worked on without a job of ours

/// One submitted array; without `job` only a job that plans again.
struct Round {
  int64_t number = 0;
  std::string job, follow_up;
  std::vector<std::string> keys;
  std::vector<int64_t> attempts;  // of each run at the submission
  std::vector<bool> failed;       // whether that was its state then: somebody wants it once more
  bool asked = false;             // by a person, not by the job that plans again
  bool closed = false;            // none of its tasks is in the queue any more, and its failures were told
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
    round.asked = json.value("asked", true);
    round.closed = json.value("closed", false);
    round.attempts = json.value("attempts", std::vector<int64_t>());
    round.failed = json.value("failed", std::vector<bool>());
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
  void settle(Job& job);
  bool was_submitted(const std::string& key) const;
  struct InVain {
    int64_t n_rounds = 0;
    std::string log;          // of the last one's task
    bool was_failed = false;  // already when that was submitted
  };
  InVain in_vain(const std::string& key, int64_t attempt) const;
  std::vector<Job*> startable();
  bool asked_to_stop() const { return is_asked_to_stop(supervisor_.runs.sweep_stop(plan_.sweep)); }
  void submit_all(const std::vector<Job*>& jobs);
  void submit(const std::vector<Job*>& jobs);
  std::vector<std::string> open_jobs() const;
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
  if (!options_.follow_up) withdraw_stops();  // at once: a stop that comes from here on is heeded
  rounds_ = read_rounds(folder_);
  note_queue();
  if (asked_to_stop()) {
    result_.sweep.interrupted = true;
    return outcome();
  }
  if (supervisor_.check_disk) refuse_full_disk(supervisor_.runs, queue_.disk_bytes_needed());
  submit_all(startable());
  return outcome();
}

/// Who plans again is submitted also when a later array could not be: it will see to the rest.
void Submission::submit_all(const std::vector<Job*>& jobs) {
  std::exception_ptr failure;
  try {
    for (size_t i = 0; i < jobs.size(); i += kMaxArray) {
      if (asked_to_stop()) {
        result_.sweep.interrupted = true;
        for (; i < jobs.size(); ++i) jobs[i]->stage = Job::Stage::Waiting;
        return;
      }
      submit({jobs.begin() + static_cast<std::ptrdiff_t>(i),
              jobs.begin() + static_cast<std::ptrdiff_t>(std::min(jobs.size(), i + kMaxArray))});
    }
  } catch (const Error&) {
    if (open_jobs().empty()) throw;
    failure = std::current_exception();
  }
  plan_again_later();
  if (failure) std::rethrow_exception(failure);
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
    const bool waits =
        !round.follow_up.empty() && queue.count(round.follow_up) && !(own && round.follow_up == own);
    follow_up_waits_ = follow_up_waits_ || waits;
    if (round.closed || (round.job.empty() && waits)) continue;
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

bool Submission::was_submitted(const std::string& key) const {
  return std::any_of(rounds_.begin(), rounds_.end(), [&](const Round& round) {
    return round.closed && std::find(round.keys.begin(), round.keys.end(), key) != round.keys.end();
  });
}

/// Rounds in a row, since a person asked for the run, whose task ended without a new attempt of it.
Submission::InVain Submission::in_vain(const std::string& key, int64_t attempt) const {
  InVain result;
  for (auto round = rounds_.rbegin(); round != rounds_.rend(); ++round) {
    const auto found = std::find(round->keys.begin(), round->keys.end(), key);
    if (!round->closed || found == round->keys.end()) continue;
    const auto task = static_cast<size_t>(found - round->keys.begin());
    if (task >= round->attempts.size() || round->attempts[task] < attempt) return result;
    if (result.n_rounds++ == 0) {
      result.log = fmt::format("{}-{}.log", stem(round->number), task);
      result.was_failed = task < round->failed.size() && round->failed[task];
    }
    if (round->asked) return result;
  }
  return result;
}

/// What a follow-up does not submit again: it leaves failed and stopped runs to a person, as well as done
/// ones whose evaluations could not be made, and gives up on one whose tasks end before they begin.
void Submission::settle(Job& job) {
  const RunDir run = directory(job);
  const RunState state = read_run_state(run);
  const InVain vain = in_vain(job.cell.key, state.attempt);
  if (is_asked_to_stop(run.stop())) {
    job.stage = Job::Stage::Stopped;
  } else if (state.status == "failed" && !vain.was_failed) {
    queue_.fail(job, state.cause, state.message);
  } else if (job.evaluating) {
    if (!was_submitted(job.cell.key)) return;
    const std::string names = names_of(missing_evals(job.cell.run, run));
    result_.sweep.not_evaluated.push_back({job.cell.key, job.cell.family, names, last_log_line(run)});
    queue_.done(job, state.heldout_bpb, 0);
  } else {
    if (vain.n_rounds <= supervisor_.retry.preempted) return;
    const std::string message = journal_failure(
        run, "preempted",
        fmt::format("{} jobs in a row ended before its trainer began: {}", vain.n_rounds, vain.log));
    if (message.empty()) return;  // somebody works on it after all
    queue_.fail(job, "preempted", message);
    notifier_->tell("failure", job.cell.key, "preempted: " + message);
  }
}

/// Prepared, in the queue's order.
std::vector<Job*> Submission::startable() {
  for (Job* job : queue_.in_stage(Job::Stage::Waiting)) {
    if (queued_.count(job->cell.key)) job->stage = Job::Stage::Adopted;
    if (options_.follow_up && job->stage == Job::Stage::Waiting) settle(*job);
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
  round.asked = !options_.follow_up;
  SlurmArray array;
  array.sweep = plan_.sweep;
  array.stem = stem(round.number);
  array.n_tasks = static_cast<int64_t>(jobs.size());
  std::string keys;
  for (const Job* job : jobs) {
    round.keys.push_back(job->cell.key);
    const RunState state = read_run_state(directory(*job));
    round.attempts.push_back(state.attempt);
    round.failed.push_back(state.status == "failed");
    keys += job->cell.key + "\n";
    array.threads = std::max(array.threads, job->cell.run.runtime.threads);
  }
  array.command = array_command(array.stem + ".keys");
  write_file_atomic(array.stem + ".keys", keys);
  write_file_atomic(array.stem + ".sh", slurm_array_script(options_.profile, array));
  // So many at once in all: what is submitted beside others has to wait for them.
  const auto after = options_.profile.at_once > 0 ? open_jobs() : std::vector<std::string>();
  round.job = slurm_.submit(array.stem + ".sh", after);
  write_round(round);
  result_.submitted += array.n_tasks;
  result_.jobs.push_back(round.job);
  rounds_.push_back(std::move(round));
}

std::vector<std::string> Submission::open_jobs() const {
  std::vector<std::string> jobs;
  for (const Round& round : rounds_)
    if (!round.closed && !round.job.empty()) jobs.push_back(round.job);
  return jobs;
}

/// After everything that is in the queue now; where only processes without a job are at work, in a while. One
/// at a time: the one that waits will see to what is new.
void Submission::plan_again_later() {
  if (options_.command.empty() || follow_up_waits_) return;
  const std::vector<std::string> after = open_jobs();
  if (after.empty()) {
    if (queue_.count(Job::Stage::Adopted) == 0) return;
    Round& nothing = rounds_.emplace_back();
    nothing.number = rounds_.size() > 1 ? rounds_[rounds_.size() - 2].number + 1 : 1;
  }
  Round& last = rounds_.back();
  const std::string path = fmt::format("{}/plan-{}", folder_, last.number);
  write_file_atomic(path + ".sh", slurm_plan_script(options_.profile, plan_.sweep, path + ".log",
                                                    options_.command + " --follow-up"));
  last.follow_up = slurm_.submit(path + ".sh", after, after.empty() ? kLookAgainSeconds : 0);
  write_round(last);
  result_.follow_up = last.follow_up;
}

void Submission::write_round(const Round& round) const {
  const Json json = {{"job", round.job},       {"keys", round.keys},           {"attempts", round.attempts},
                     {"failed", round.failed}, {"follow_up", round.follow_up}, {"asked", round.asked},
                     {"closed", round.closed}};
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
    if (!round.job.empty()) jobs.push_back(round.job);
    if (!round.follow_up.empty()) jobs.push_back(round.follow_up);
  }
  return jobs;
}

}  // namespace aunet
