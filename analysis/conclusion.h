// Everything `compare` says about two families, gathered once and then printed, written as JSON or put into
// the report.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "analysis/estimate.h"
#include "analysis/multiplier.h"
#include "analysis/table.h"
#include "analysis/tuned_settings.h"
#include "db/queries.h"

namespace aunet {

/// Tuning effort of one family, over all budgets.
struct Effort {
  std::string family;
  int64_t trials = 0;
  double flops_useful = 0;
};

/// larger / smaller - 1, of trials or of FLOPs, whichever is worse; inf when one has none.
double effort_apart(const Effort& a, const Effort& b);

struct Conclusion {
  std::string sweep, family_a, family_b;
  int64_t n_runs = 0, n_budgets = 0;  // finished runs of the two families that enter; budgets of either
  int64_t n_trees = 0;                // independent ones among the runs: trees, and runs in none
  double smallest_budget = 0, largest_budget = 0;
  Comparison main;                         // under the convention asked for
  std::optional<Equivalence> equivalence;  // of the headline's ln M, when a margin was given
  std::vector<Comparison> beside;  // the others of useful, paper, executed, seconds: never the headline
  SurfaceComparison surface;
  std::vector<Effort> effort;  // a, b
  double effort_difference =
      0;  // larger / smaller - 1, of trials or of FLOPs, whichever is worse; inf when one has none
  TunedSettings tuned;             // of the two families
  std::vector<std::string> marks;  // why the multiplier is not to be quoted bare; empty: it is unmarked
  TextTable unmatched;             // what the budget does not equalise, at the largest shared budget
  std::vector<std::string>
      pareto;  // there too: is the best cell of each family on the Pareto front, a line a view
};

struct ConclusionOptions {
  std::string family_a, family_b;  // "": the AU-Net family and the other, when there are two
  Cost cost = Cost::Useful;
  int64_t replicates = 2000;
  uint64_t seed = 0;
  double margin = 0;  // > 1: also test whether M is within this factor of 1
};

/// Tuning efforts may differ by this much before a comparison is marked (DESIGN section 4).
inline constexpr double kEffortTolerance = 0.10;

Conclusion conclude(Db& db, const SweepCells& cells, const ConclusionOptions& options);

/// The two families when the user names none: needs exactly two in the sweep. ConfigError naming them
/// otherwise.
std::pair<std::string, std::string> default_families(const SweepCells& cells);

/// One or two sentences: what the data say, how sure, how small. True as they stand.
std::string summary(const Conclusion& conclusion);
TextTable multiplier_table(const Conclusion& conclusion);  ///< a row a budget
TextTable costs_table(const Conclusion& conclusion);       ///< the mean multiplier under each way of counting
TextTable effort_table(const Conclusion& conclusion);
std::vector<std::string> all_warnings(const Conclusion& conclusion);

/// Who needs less by one way of counting. Ways that were refused without even a bound, and ln M = 0, have no
/// leader.
struct Leader {
  Cost cost = Cost::Useful;
  bool a_leads = false;  // the point estimate (or the bound, when no loss is shared) is above 1
  bool clear = false;    // its 95 % interval excludes 1
  std::string estimate;  // "1.31 [1.12, 1.50]", ">= 4.70"
};
std::vector<Leader> leaders(const Conclusion& conclusion);
/// "" while every way of counting has the same leader; else who says what, and whether chance could explain
/// it.
std::string sign_warning(const Conclusion& conclusion);
/// "Equivalent within a factor 1.2: no (90 % interval 0.05 to 0.12, two one-sided tests, p 1.0)."
std::string show_equivalence(const Equivalence& test);
/// "1.31 [1.12, 1.50]".
std::string show_multiplier(double value, const Interval& interval);
nlohmann::json conclusion_to_json(const Conclusion& conclusion);

}  // namespace aunet
