#include "sweep/run_queue.h"

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "sweep/missing_evals.h"
#include "sweep/plan_cost.h"
#include "sweep/run_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace aunet {

namespace {

bool has_ended(const Job& job) { return job.stage == Job::Stage::Done || job.stage == Job::Stage::Failed; }

std::pair<std::string, double> round_of(const Job& job) { return {job.cell.family, job.cell.budget_flops}; }

}  // namespace

void adopt(Job& job, const RunState& state) {
  job.stage = Job::Stage::Adopted;
  job.search_pause = 0;
  // Its process may not have come to its attempt record yet: then the journal still ends with another's.
  job.attempts_ended = state.attempt - (state.end_status.empty() ? 1 : 0);
}

RunQueue::RunQueue(RunsRoot runs, std::string only) : runs_(std::move(runs)), only_(std::move(only)) {}

Job RunQueue::make_job(const Cell& cell, const SpeedBook& speeds) const {
  Job job;
  job.cell = cell;
  job.estimate = speeds.estimate(cell);
  const RunState state = read_run_state(runs_.run(cell.key));
  if (state.status == "done") {
    job.evaluating = !missing_evals(cell.run, runs_.run(cell.key)).empty();
    job.stage = job.evaluating ? Job::Stage::Waiting : Job::Stage::Done;
    job.heldout_bpb = state.heldout_bpb;
  } else if (state.status == "failed" && is_deterministic(state.cause)) {
    job.stage = Job::Stage::Failed;
    job.failure = {cell.key, cell.family, state.cause, state.message};
  } else if (state.status == "running") {
    adopt(job, state);
  }
  return job;
}

void RunQueue::take(const Plan& plan, const SpeedBook& speeds) {
  std::map<std::string, Job> before = std::move(jobs_);
  jobs_.clear();
  order_.clear();
  trial_news_.clear();
  n_provisional_ = 0;
  provisional_seconds_ = provisional_disk_bytes_ = 0;
  for (const Cell& cell : plan.cells) {
    if (jobs_.count(cell.key) || !cell.key.starts_with(only_)) continue;
    const auto known = before.find(cell.key);
    if (known != before.end()) {
      known->second.cell.ancestors = cell.ancestors;  // a tree grows with the plan
      jobs_.insert(before.extract(known));
    } else if (cell.provisional) {
      ++n_provisional_;
      provisional_seconds_ += speeds.estimate(cell).seconds;
      provisional_disk_bytes_ += disk_bytes(cell);
    } else {
      jobs_.emplace(cell.key, make_job(cell, speeds));
    }
  }
  // A run that the new plan no longer names still occupies its slot until it ends.
  for (auto& [key, job] : before) {
    if (job.stage == Job::Stage::Running || job.stage == Job::Stage::Adopted)
      jobs_.emplace(key, std::move(job));
  }
  if (cells() == 0 && !only_.empty()) {
    throw ConfigError(fmt::format("--only: expected the beginning of a planned key, got '{}'", only_));
  }
  rank_branches();
  for (auto& [key, job] : jobs_) order_.push_back(&job);
  std::stable_sort(order_.begin(), order_.end(), [](const Job* a, const Job* b) {
    const bool a_trial = a->cell.role == CellRole::Tune, b_trial = b->cell.role == CellRole::Tune;
    return a_trial != b_trial ? a_trial : a->rank_seconds > b->rank_seconds;
  });
}

/// Cells have their ancestors listed, so that the parent of the longest comes up for each of its descendants.
void RunQueue::rank_branches() {
  for (auto& [key, job] : jobs_) job.rank_seconds = job.estimate.seconds;
  for (const auto& [key, job] : jobs_) {
    double behind = job.estimate.seconds;  // of the chain from here up to the root
    for (const BranchPoint& ancestor : job.cell.ancestors) {
      const auto found = jobs_.find(ancestor.key);
      if (found == jobs_.end()) continue;
      behind += found->second.estimate.seconds;
      found->second.rank_seconds = std::max(found->second.rank_seconds, behind);
    }
  }
}

bool RunQueue::is_ready(const Job& job) const {
  if (job.cell.ancestors.empty() || !list_directory(runs_.run(job.cell.key).checkpoints()).empty())
    return true;
  for (const BranchPoint& ancestor : job.cell.ancestors) {  // nearest first
    if (is_there(runs_, ancestor)) return true;
    const auto found = jobs_.find(ancestor.key);
    if (found != jobs_.end() && !has_ended(found->second)) return false;  // it is on its way there
  }
  return true;
}

Job* RunQueue::next() {
  for (Job* job : order_) {
    if (job->stage == Job::Stage::Waiting && is_ready(*job)) return job;
  }
  return nullptr;
}

std::vector<Job*> RunQueue::in_stage(Job::Stage stage) {
  std::vector<Job*> found;
  for (Job* job : order_) {
    if (job->stage == stage) found.push_back(job);
  }
  return found;
}

int64_t RunQueue::count(Job::Stage stage) const {
  return std::count_if(order_.begin(), order_.end(), [&](const Job* job) { return job->stage == stage; });
}

bool RunQueue::tuning_has_news() const {
  return std::any_of(trial_news_.begin(), trial_news_.end(), [&](const auto& round) {
    return std::all_of(order_.begin(), order_.end(), [&](const Job* job) {
      return job->cell.role != CellRole::Tune || round_of(*job) != round.first || has_ended(*job);
    });
  });
}

const Job* RunQueue::blocking_trial() const {
  for (const Job* job : order_) {
    if (job->cell.role != CellRole::Tune || job->stage != Job::Stage::Failed) continue;
    if (job->failure.cause != "nan" && job->failure.cause != "diverged") return job;
  }
  return nullptr;
}

void RunQueue::done(Job& job, std::optional<double> heldout_bpb, double seconds) {
  job.stage = Job::Stage::Done;
  job.heldout_bpb = heldout_bpb;
  if (job.cell.role == CellRole::Tune) trial_news_[round_of(job)] = true;
  if (seconds <= 0) return;  // an adopted run: nobody knows when it began
  estimated_of_done_ += job.estimate.seconds;
  seconds_of_done_ += seconds;
}

void RunQueue::fail(Job& job, const std::string& cause, const std::string& message) {
  job.stage = Job::Stage::Failed;
  job.failure = {job.cell.key, job.cell.family, cause, message};
  if (job.cell.role == CellRole::Tune) trial_news_[round_of(job)] = true;
}

double RunQueue::seconds_left(int64_t slots, double now_seconds) const {
  // Estimates are corrected by how the runs done so far compared with theirs.
  const double correction = estimated_of_done_ > 0 ? seconds_of_done_ / estimated_of_done_ : 1;
  double left = provisional_seconds_ * correction;
  double longest = 0;
  for (const Job* job : order_) {
    if (has_ended(*job)) continue;
    double seconds = job->estimate.seconds * correction;
    if (job->stage == Job::Stage::Running)
      seconds = std::max(0.0, seconds - (now_seconds - job->started_seconds));
    left += seconds;
    longest = std::max(longest, seconds);
  }
  return std::max(longest, left / static_cast<double>(std::max<int64_t>(1, slots)));
}

std::string RunQueue::progress(int64_t slots, double now_seconds) const {
  std::map<std::string, double> best;
  for (const Job* job : order_) {
    if (!job->heldout_bpb) continue;
    const auto [place, first] = best.emplace(job->cell.family, *job->heldout_bpb);
    if (!first) place->second = std::min(place->second, *job->heldout_bpb);
  }
  std::string text = fmt::format("{}/{} done, {} running", count(Job::Stage::Done), cells(),
                                 count(Job::Stage::Running) + count(Job::Stage::Adopted));
  if (const int64_t n = count(Job::Stage::Failed)) text += fmt::format(", {} failed", n);
  std::vector<std::string> bests;
  for (const auto& [family, bpb] : best) bests.push_back(fmt::format("{} {:.3f}", family, bpb));
  if (!bests.empty()) text += "; best bpb " + join(bests, ", ");
  const double left = seconds_left(slots, now_seconds);
  if (left > 0) text += fmt::format("; about {} left", human_duration(left));
  return text;
}

double RunQueue::disk_bytes_needed() const {
  double bytes = provisional_disk_bytes_;
  for (const Job* job : order_) {
    if (!has_ended(*job)) bytes += disk_bytes(job->cell);
  }
  return bytes;
}

}  // namespace aunet
