#include "analysis/estimand.h"

#include "analysis/multiplier.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

namespace aunet {
namespace {

constexpr size_t kMinCells = 3;

std::vector<std::string> families_of(const ClaimTest& test) {
  std::vector<std::string> names = test.families;
  for (const std::string& name : test.minus) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

std::vector<BudgetCost> shared_costs(const std::vector<std::string>& families, const SweepCells& cells) {
  std::map<double, std::pair<size_t, double>> at;  // budget -> families there, FLOPs
  for (const std::string& name : families) {
    const FamilyCells& family = cells.family(name);
    for (const double budget : family.budgets()) ++at[budget].first;
    for (const SizeCell& cell : family.cells) {
      for (const FinalRow& row : cell.rows) at[cell.budget].second += row.flops_useful.value_or(0);
    }
  }
  std::vector<BudgetCost> costs;
  for (const auto& [budget, seen] : at) {
    if (seen.first == families.size()) costs.push_back({budget, seen.second});
  }
  return costs;
}

void measure_multiplier(const ClaimTest& test, const SweepCells& cells, const MeasureOptions& options,
                        Measured& result) {
  const Comparison comparison =
      compare_families(cells, test.families[0], test.families[1],
                       {.cost = Cost::Useful, .replicates = options.replicates, .seed = options.seed});
  const bool slope = test.estimand == "log_multiplier_slope";
  result.unit = slope ? "d ln M / d ln C" : "ln M";
  result.n = int64_t(result.costs.size());
  result.refusal = comparison.refusal;
  result.cure = comparison.cure;
  if (!slope && comparison.log_bound) {  // a bound on M may decide as well as a number
    result.estimate = Estimate{.value = *comparison.log_bound, .draws = comparison.log_mean_draws};
    result.marks.push_back(fmt::format("{}: M is {} {:.2g}", comparison.refusal,
                                       *comparison.log_bound > 0 ? "at least" : "at most",
                                       std::exp(*comparison.log_bound)));
    return;
  }
  if (!comparison.refusal.empty()) return;
  if (slope && !(comparison.slope && std::isfinite(*comparison.slope))) {
    result.refusal = "the curves have no slope over the shared losses";
    return;
  }
  Estimate& estimate = result.estimate.emplace();
  estimate.value = slope ? *comparison.slope : std::log(*comparison.mean);
  estimate.draws = slope ? comparison.slope_draws : comparison.log_mean_draws;
}

/// A run's place: the same in another family is its partner.
using Place = std::tuple<double, int64_t, int64_t, int64_t>;  // budget, size index, seeds of weights and data

/// One number a run: its loss on `splits` less that on `relative_to`.
class RunValues {
 public:
  RunValues(const ClaimTest& test, const std::vector<EvalRow>& evals) : test_(test) {
    for (const EvalRow& eval : evals) evals_[{eval.key, eval.split}] = eval;
  }

  std::map<Place, double> of(const FamilyCells& family) {
    std::map<Place, double> values;
    for (const SizeCell& cell : family.cells) {
      for (const FinalRow& row : cell.rows) {
        if (!row.size_index) continue;
        const auto value = value_of(row);
        if (value) {
          values[{cell.budget, *row.size_index, row.seed.value_or(0), row.seed_data.value_or(0)}] = *value;
        }
      }
    }
    return values;
  }

  /// Of the runs asked so far.
  int64_t missing() const { return n_missing_; }
  const std::set<std::string>& missing_splits() const { return missing_splits_; }
  std::string unequal() const {
    for (const auto& [split, bytes] : bytes_) {
      if (bytes.size() > 1)
        return fmt::format("the runs were evaluated on {} different texts called '{}'", bytes.size(), split);
    }
    return "";
  }

 private:
  std::optional<double> loss(const FinalRow& row, const std::string& split) {
    double bpb = 0;
    int64_t bytes = 0;
    if (split == "heldout") {
      bpb = *row.loss_bpb;
      bytes = row.heldout_bytes.value_or(0);
    } else {
      const auto eval = evals_.find({row.key, split});
      if (eval == evals_.end() || !(eval->second.loss_bpb > 0)) {
        missing_splits_.insert(split);
        return std::nullopt;
      }
      bpb = eval->second.loss_bpb;
      bytes = eval->second.bytes;
    }
    bytes_[split].insert(bytes);
    return test_.estimand == "transfer" ? std::log(bpb) : bpb;
  }

  std::optional<double> value_of(const FinalRow& row) {
    double value = 0;
    for (const auto& [splits, sign] : {std::pair{&test_.splits, 1.0}, std::pair{&test_.relative_to, -1.0}}) {
      for (const std::string& split : *splits) {
        const auto one = loss(row, split);
        if (!one) {
          ++n_missing_;
          return std::nullopt;
        }
        value += sign * *one / double(splits->size());
      }
    }
    return value;
  }

  const ClaimTest& test_;
  std::map<std::pair<std::string, std::string>, EvalRow> evals_;
  std::map<std::string, std::set<int64_t>> bytes_;  // per split
  std::set<std::string> missing_splits_;
  int64_t n_missing_ = 0;
};

/// Mean over seeds per (budget, size index) of the differences at places that all families have.
std::vector<double> cell_differences(const std::vector<std::map<Place, double>>& families,
                                     const std::vector<double>& signs) {
  std::map<std::pair<double, int64_t>, std::vector<double>> cells;
  for (const auto& [place, unused] : families[0]) {
    double difference = 0;
    bool complete = true;
    for (size_t f = 0; f < families.size(); ++f) {
      const auto other = families[f].find(place);
      complete = complete && other != families[f].end();
      if (complete) difference += signs[f] * other->second;
    }
    if (complete) cells[{std::get<0>(place), std::get<1>(place)}].push_back(difference);
  }
  std::vector<double> means;
  for (const auto& [cell, differences] : cells) {
    double mean = 0;
    for (const double one : differences) mean += one / double(differences.size());
    means.push_back(mean);
  }
  return means;
}

void measure_pairs(const ClaimTest& test, const SweepCells& cells, const std::vector<EvalRow>& evals,
                   Measured& result) {
  RunValues values(test, evals);
  std::vector<std::map<Place, double>> families;
  std::vector<double> signs;  // b - a, less the same of the pair that is taken off
  for (const auto* pair : {&test.families, &test.minus}) {
    for (size_t i = 0; i < pair->size(); ++i) {
      families.push_back(values.of(cells.family((*pair)[i])));
      signs.push_back((i == 0 ? -1.0 : 1.0) * (pair == &test.minus ? -1.0 : 1.0));
    }
  }
  result.unit = test.estimand == "transfer" ? "ln bits/byte" : "bits/byte";
  if (result.refusal = values.unequal(); !result.refusal.empty()) {
    result.cure = "evaluate every run on the same text";
    return;
  }
  const std::vector<double> differences = cell_differences(families, signs);
  result.n = int64_t(differences.size());
  const std::string absent = join({values.missing_splits().begin(), values.missing_splits().end()}, "', '");
  if (differences.size() < kMinCells) {
    result.refusal = fmt::format("{} pairs of cells: wanted at least {}", differences.size(), kMinCells);
    if (!absent.empty()) {
      result.refusal += fmt::format("; {} runs have no evaluation '{}'", values.missing(), absent);
      result.cure = "add it to the sweep as [[eval]] and run `aunet sweep` again";
    } else {
      result.cure = "finish or add budgets and sizes that the families share";
    }
    return;
  }
  if (!absent.empty())
    result.marks.push_back(fmt::format("{} runs without evaluation '{}'", values.missing(), absent));
  result.estimate = mean_of_values(differences);
}

}  // namespace

double Measured::flops() const {
  double sum = 0;
  for (const BudgetCost& cost : costs) sum += cost.flops;
  return sum;
}

Measured measure(const ClaimTest& test, const SweepCells& cells, const std::vector<EvalRow>& evals,
                 const MeasureOptions& options) {
  Measured result;
  const std::vector<std::string> families = families_of(test);
  for (const std::string& name : families) {
    const auto known = std::find_if(cells.families.begin(), cells.families.end(),
                                    [&](const FamilyCells& family) { return family.name == name; });
    if (known != cells.families.end() && !known->cells.empty()) continue;
    result.refusal = fmt::format("{} has no finished run that may enter", name);
    result.cure = "see `aunet-analyze check`";
    return result;
  }
  result.costs = shared_costs(families, cells);
  if (test.estimand == "log_multiplier" || test.estimand == "log_multiplier_slope")
    measure_multiplier(test, cells, options, result);
  else
    measure_pairs(test, cells, evals, result);
  return result;
}

}  // namespace aunet
