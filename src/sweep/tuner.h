// Replays the tuning rule (sweep/tuning.h) of a whole sweep on the losses that are known, or takes the result
// from the lock of a sweep that was tuned before (sweep/tuning_lock.h).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sweep/cell_factory.h"
#include "sweep/match.h"
#include "sweep/tuned_family.h"
#include "sweep/tuning.h"
#include "sweep/tuning_lock.h"

namespace aunet {

class Tuner {
 public:
  /// `lock`: of an earlier tuning, or nullptr. What it says of a family holds; families that it does not know
  /// are tuned with the effort that it records.
  Tuner(const SweepSpec& spec, CellFactory& factory, Matcher& matcher, const FactsProvider& facts,
        const LossLookup& losses, const TuningLock* lock);

  bool complete() const { return complete_; }
  bool tunes(const FamilySpec& family) const { return !axes_of(spec_, family).empty(); }

  /// Trials of every family, budget by budget.
  std::vector<Cell> trials() const;
  /// One line per family and tuned budget: the optimum, how many trials, whether it is interior; families
  /// that could not be given equal effort; a lock that was not used.
  std::vector<std::string> notes() const;

  /// The tuned values at a budget (sweep/tuned_family.h).
  Carried carry(const FamilySpec& family, double budget_flops) const;
  /// The family with the model that it was tuned to at this budget; the object lives as long as the tuner.
  const FamilySpec& tuned_model(const FamilySpec& family, double budget_flops);

  /// "" or why the lock given is not one of this file.
  const std::string& lock_problem() const { return lock_problem_; }
  /// The whole result, to be written when complete; families of the old lock that the file has dropped stay.
  TuningLock lock() const;

 private:
  struct Search {
    const FamilySpec* family;
    size_t budget_index = 0;
    std::vector<SearchAxis> axes;
    double start_lr = 0;
    int64_t start_windows = 1;
    TunedBudget best;  // before any trial has finished: the start
    bool finished = false;
    std::vector<Cell> trials;  // finished ones and those to run now, in the rule's order
    int64_t n_done = 0;
  };
  /// Result of one family: from the lock, or of its searches.
  struct Result {
    TunedFamily tuned;
    bool locked = false;
    std::vector<Cell> locked_trials;
  };

  bool take_locked(const FamilySpec& family, const LockedFamily& locked);
  Cell locked_trial(const FamilySpec& family, const TunedFamily& tuned, const TunedBudget& budget,
                    const RanTrial& trial);
  Search make_search(const FamilySpec& family, size_t budget_index);
  const Cell& base_cell(const FamilySpec& family, size_t budget_index);
  Cell trial_cell(const Search& search, const Trial& trial);
  ModelSetting setting_of(const Search& search, const Trial& trial) const;
  void replay(Search& search, int64_t pad_to, int64_t most);
  void conclude(Search& search, const std::vector<Trial>& done, const std::vector<double>& loss,
                const TuningState& state);
  void replay_all();
  void collect();
  const FamilySpec& variant(const FamilySpec& family, const ModelSetting& setting);
  int64_t max_trials() const;
  std::string law_of(const FamilySpec& family, size_t n_budgets) const;

  const SweepSpec& spec_;
  CellFactory& factory_;
  Matcher& matcher_;
  const FactsProvider& facts_;
  const LossLookup& losses_;
  std::vector<Search> searches_;           // by family, then by budget, ascending
  std::map<std::string, Result> results_;  // by family
  std::map<double, int64_t> locked_effort_;
  std::map<std::string, FamilySpec> variants_;
  std::map<std::string, Cell> bases_;
  std::vector<LockedFamily> dropped_;  // in the lock, no longer in the file
  std::string lock_problem_;
  bool complete_ = true;
};

}  // namespace aunet
