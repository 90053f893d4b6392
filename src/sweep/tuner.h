// Replays the tuning rule (sweep/tuning.h) of a whole sweep on the losses that are known.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sweep/cell_factory.h"
#include "sweep/match.h"
#include "sweep/tuning.h"

namespace aunet {

/// What one family learned at one tuned budget.
struct TunedPoint {
  double budget_flops = 0;
  double lr = 0;  // of the best trial; before any has finished: the start
  int64_t batch_windows = 0;
  bool finished = false;  // the rule asks for no more trials
  bool interior = false;
  std::vector<Cell> trials;  // finished ones and those to run now, in the rule's order
  int64_t n_done = 0;
};

class Tuner {
 public:
  Tuner(const SweepSpec& spec, CellFactory& factory, Matcher& matcher, const LossLookup& losses);

  bool complete() const { return complete_; }
  bool tunes(const FamilySpec& family) const { return tunes_lr(family) || tunes_batch(family); }
  bool tunes_lr(const FamilySpec& family) const;  ///< "lr" is an axis and the family gives no number
  bool tunes_batch(const FamilySpec& family) const;

  /// Trials of every family, budget by budget.
  std::vector<Cell> trials() const;
  /// One line per family and tuned budget: the optimum, how many trials, whether it is interior.
  std::vector<std::string> notes() const;

  /// Tuned rate and batch carried to `budget_flops`: the tuned value at a tuned budget; interpolated in the
  /// logarithms between two of them; beyond, the nearest times (C / C_tuned)^exponent of the family's paper
  /// law (rate -0.18, batch 0.32 bytes or 0.23 tokens). One value for all sizes of a budget. Axes that are
  /// not tuned: empty.
  struct Carried {
    std::optional<double> lr;
    std::optional<int64_t> batch_windows;
    std::string source;  // "tuned at 2e10"
    bool provisional = false;
  };
  Carried carry(const FamilySpec& family, double budget_flops) const;

 private:
  struct Search {
    const FamilySpec* family;
    Cell base;  // the middle size at this budget, without rate and batch
    double start_lr = 0;
    int64_t start_windows = 1;
    TunedPoint point;
  };
  Search make_search(const FamilySpec& family, size_t budget_index, Matcher& matcher);
  void replay(Search& search, int64_t pad_to);
  void replay_all();
  Cell trial_cell(const Search& search, const Trial& trial);
  std::vector<const Search*> searches_of(const FamilySpec& family) const;

  const SweepSpec& spec_;
  CellFactory& factory_;
  const LossLookup& losses_;
  std::vector<Search> searches_;  // by family, then by budget, ascending
  bool complete_ = true;
};

/// Indices into `budgets` named by "smallest", "middle", "largest", "each" or a number among them; ascending,
/// once each. Throws ConfigError `where: ...` for other words.
std::vector<size_t> budgets_named(const std::vector<std::string>& names, const std::vector<double>& budgets,
                                  const std::string& where);

/// `value` to six significant digits, so that the last bits of pow() never decide a run's key.
double rounded(double value);

}  // namespace aunet
