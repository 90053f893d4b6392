#include "analysis/claim_judge.h"

#include "analysis/conclusion.h"
#include "core/hash.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

namespace aunet {
namespace {

constexpr double kMostSeeds = 1000, kMostBudgets = 20;

double half_width(const Interval& interval) { return 0.5 * (interval.high - interval.low); }

std::vector<std::string> families_of(const ClaimSpec& claim) {
  std::set<std::string> names;
  for (const ClaimTest& test : claim.tests) {
    names.insert(test.families.begin(), test.families.end());
    names.insert(test.minus.begin(), test.minus.end());
  }
  return {names.begin(), names.end()};
}

/// "" or why the efforts of two of these families may not be compared.
std::string unequal_tuning(const std::vector<std::string>& families,
                           const std::vector<TuningEffort>& efforts) {
  std::vector<Effort> spent;
  for (const std::string& name : families) {
    Effort& one = spent.emplace_back(Effort{name, 0, 0});
    for (const TuningEffort& row : efforts) {
      if (row.family != name) continue;
      one.trials += row.trials;
      one.flops_useful += row.flops_useful;
    }
  }
  for (const Effort& a : spent) {
    for (const Effort& b : spent) {
      if (effort_apart(a, b) <= kEffortTolerance) continue;
      return fmt::format("unequal tuning: {} {} trials, {} FLOPs against {} {} trials, {} FLOPs", a.family,
                         a.trials, human_flops(a.flops_useful), b.family, b.trials,
                         human_flops(b.flops_useful));
    }
  }
  return "";
}

/// "" or what the scale lacks for this claim.
std::string too_small(const ClaimScale& scale, const std::vector<BudgetCost>& costs) {
  if (int64_t(costs.size()) < scale.min_budgets)
    return fmt::format("{} shared budgets, {} asked for", costs.size(), scale.min_budgets);
  if (costs.back().budget < scale.min_flops) {
    return fmt::format("largest shared budget {} FLOPs, {} asked for", human_flops(costs.back().budget),
                       human_flops(scale.min_flops));
  }
  const double decades = std::log10(costs.back().budget / costs.front().budget);
  if (decades < scale.min_decades * (1 - 1e-9))
    return fmt::format("{:.2f} decades of compute, {:g} asked for", decades, scale.min_decades);
  return "";
}

/// About what the missing scale costs: as many runs as at the largest budget, at each budget that is missing.
std::optional<double> cost_of_scale(const ClaimScale& scale, const std::vector<BudgetCost>& costs) {
  if (costs.empty()) return std::nullopt;
  const BudgetCost& largest = costs.back();
  const double ratio =
      costs.size() > 1 ? std::pow(largest.budget / costs.front().budget, 1 / double(costs.size() - 1)) : 2;
  double budget = largest.budget, flops = 0;
  auto n = int64_t(costs.size());
  while (n < 1000 && (n < scale.min_budgets || budget < scale.min_flops * (1 - 1e-9) ||
                      std::log10(budget / costs.front().budget) < scale.min_decades * (1 - 1e-9))) {
    budget *= ratio;
    flops += largest.flops * budget / largest.budget;
    ++n;
  }
  return flops;
}

std::string show(double value) { return fmt::format("{:.3g}", value); }

std::string explain(const TestVerdict& t) {
  const std::string interval = fmt::format("[{}, {}]", show(t.interval.low), show(t.interval.high));
  const std::string margin = show(t.test.margin);
  if (t.test.decision == "equivalence") {
    const std::string ninety = fmt::format("[{}, {}]", show(t.interval_90.low), show(t.interval_90.high));
    if (t.verdict == kSupported)
      return fmt::format("the 90 % interval {} lies within {} of 0", ninety, margin);
    if (t.verdict == kContradicted)
      return fmt::format("the 95 % interval {} lies beyond {}", interval, margin);
    return fmt::format("the 90 % interval {} is not within {} of 0, the 95 % interval {} not beyond it",
                       ninety, margin, interval);
  }
  if (t.verdict == kSupported)
    return fmt::format("the 95 % interval {} lies above 0, the estimate at or above {}", interval, margin);
  if (t.verdict == kContradicted) return fmt::format("the 95 % interval {} lies below {}", interval, margin);
  if (t.interval.low > 0) {
    return fmt::format("above 0, but it is open whether it reaches {}: the 95 % interval is {}", margin,
                       interval);
  }
  return fmt::format("the 95 % interval {} holds both 0 and {}", interval, margin);
}

TestVerdict judge_test(const ClaimTest& test, const ClaimSpec& claim, const SweepCells& cells,
                       const ClaimData& data, const MeasureOptions& options) {
  TestVerdict result;
  result.test = test;
  result.verdict = kUndetermined;
  result.measured = measure(test, cells, data.evals, options);
  const Measured& m = result.measured;
  if (m.estimate) {
    result.interval = m.estimate->interval();
    result.interval_90 = m.estimate->interval(kEquivalenceLevel);
    result.p_zero = std::min(1.0, 2 * std::min(m.estimate->p_above(0), m.estimate->p_below(0)));
  }
  if (const std::string lacking = m.costs.empty() ? "" : too_small(claim.scale, m.costs); !lacking.empty()) {
    result.verdict = kNotTestable;
    result.why = lacking;
    result.needs_flops = cost_of_scale(claim.scale, m.costs);
    result.needs = fmt::format("budgets up to the scale, about {} FLOPs more",
                               human_flops(result.needs_flops.value_or(0)));
    return result;
  }
  if (!m.estimate) {
    result.why = m.refusal;
    result.needs = m.cure;
    return result;
  }
  result.verdict = decide(test, *m.estimate, int64_t(claim.tests.size()));
  result.why = explain(result);
  if (result.verdict == kUndetermined) {
    const Need need = needed(result);
    result.needs_flops = need.flops;
    result.needs = need.words;
  }
  return result;
}

void combine(ClaimVerdict& result) {
  const auto any = [&](const char* verdict) {
    return std::any_of(result.tests.begin(), result.tests.end(),
                       [&](const TestVerdict& t) { return t.verdict == verdict; });
  };
  const auto all_supported = [&] {
    return std::all_of(result.tests.begin(), result.tests.end(),
                       [&](const TestVerdict& t) { return t.verdict == kSupported; });
  };
  result.verdict = any(kContradicted)  ? kContradicted
                   : any(kNotTestable) ? kNotTestable
                   : all_supported()   ? kSupported
                                       : kUndetermined;
  std::vector<std::string> whys, needs;
  for (const TestVerdict& t : result.tests) {
    if (t.verdict == result.verdict) whys.push_back(t.why);
    if (t.verdict != result.verdict || t.needs.empty()) continue;
    needs.push_back(t.needs);
    if (t.needs_flops) result.needs_flops = std::max(result.needs_flops.value_or(0), *t.needs_flops);
  }
  result.why = join(whys, "; ");
  result.needs = join(needs, "; ");
}

void mark_registration(const ClaimData& data, ClaimVerdict& result) {
  result.registered = data.registered;
  if (!data.registered) {
    result.marks.push_back("not registered before the runs");
    return;
  }
  if (data.registered->hash != claim_hash(result.claim)) {
    result.marks.push_back(fmt::format("changed after launch: registered as {} at {}, judged as {}",
                                       data.registered->hash, data.registered->registered,
                                       claim_hash(result.claim)));
  }
  const auto early = std::count_if(data.started.begin(), data.started.end(), [&](const std::string& time) {
    return !time.empty() && time < data.registered->registered;
  });
  if (early > 0) {
    result.marks.push_back(
        fmt::format("registered after {} of {} runs had started", early, data.started.size()));
  }
}

/// What never enters, and is worth a word. Returns the planned runs that have not finished.
int64_t mark_rows(const std::vector<std::string>& families, const ClaimData& data, ClaimVerdict& result) {
  int64_t pending = 0;
  std::map<std::string, int64_t> left_out;
  for (const FitInputRow& input : data.rows) {
    const std::string& why = input.exclusion;
    const bool concerns = std::find(families.begin(), families.end(), input.row.family) != families.end();
    if (!concerns || why.empty() || why == "tuning trial" || why.starts_with("plan: ")) continue;
    if (why == "not started" || why.starts_with("not finished"))
      ++pending;
    else
      ++left_out[fmt::format("{} ({})", why, input.row.family)];
  }
  if (pending > 0) result.marks.push_back(fmt::format("{} planned runs have not finished", pending));
  for (const auto& [why, n] : left_out) result.marks.push_back(fmt::format("{} left out: {}", n, why));
  return pending;
}

void mark_scale(const ClaimData& data, const SweepCells& cells, ClaimVerdict& result) {
  if (data.convention != "useful" && !data.convention.empty())
    result.marks.push_back(fmt::format("budgets were set in {} FLOPs", data.convention));
  std::set<std::string> ungated;
  for (const FamilyCells& family : cells.families) {
    for (const SizeCell& cell : family.cells) {
      for (const FinalRow& row : cell.rows) {
        if (!row.gate_causal) ungated.insert(family.name);
      }
    }
  }
  const std::vector<std::string> families = families_of(result.claim);
  for (const std::string& name : families) {
    if (ungated.count(name)) result.marks.push_back(name + " has runs without a causality verdict");
  }
  const bool tuned = std::any_of(data.effort.begin(), data.effort.end(), [&](const TuningEffort& effort) {
    return effort.trials > 0 && std::find(families.begin(), families.end(), effort.family) != families.end();
  });
  if (!tuned) result.marks.push_back("no family was tuned");
  for (const TestVerdict& t : result.tests) {
    for (const std::string& mark : t.measured.marks) result.marks.push_back(mark);
  }
  if (result.tests.empty() || result.tests[0].measured.costs.empty()) return;
  const double low = result.tests[0].measured.costs.front().budget,
               high = result.tests[0].measured.costs.back().budget;
  const std::vector<double>& source = result.claim.scale.source_flops;
  if (!source.empty() && (high < source[0] || low > source[1])) {
    result.marks.push_back(fmt::format(
        "measured at {} to {} FLOPs; the source speaks of {} to {}, about which this says nothing",
        human_flops(low), human_flops(high), human_flops(source[0]), human_flops(source[1])));
  }
}

std::string hash_of_inputs(const ClaimSpec& claim, const SweepCells& cells,
                           const std::vector<EvalRow>& evals) {
  Hasher hasher;
  const std::vector<std::string> families = families_of(claim);
  for (const FamilyCells& family : cells.families) {
    if (std::find(families.begin(), families.end(), family.name) == families.end()) continue;
    for (const SizeCell& cell : family.cells) {
      for (const FinalRow& row : cell.rows)
        hasher.update(fmt::format("{} {:.17g}\n", row.key, *row.loss_bpb));
    }
  }
  for (const EvalRow& eval : evals)
    hasher.update(fmt::format("{} {} {:.17g}\n", eval.key, eval.split, eval.loss_bpb));
  return hasher.hex();
}

}  // namespace

std::string decide(const ClaimTest& test, const Estimate& estimate, int64_t n_tests) {
  const Interval wide = estimate.interval(1 - (1 - kLevel) / double(std::max<int64_t>(n_tests, 1)));
  if (test.decision == "equivalence") {
    if (test_equivalence(estimate, test.margin).equivalent) return kSupported;
    return wide.low > test.margin || wide.high < -test.margin ? kContradicted : kUndetermined;
  }
  if (wide.high < test.margin) return kContradicted;
  return estimate.interval().low > 0 && estimate.value >= test.margin ? kSupported : kUndetermined;
}

Need needed(const TestVerdict& t) {
  const double value = t.measured.estimate->value, margin = t.test.margin;
  double half = half_width(t.interval), target = value >= margin ? value : margin - value;
  if (t.test.decision == "equivalence") {
    target = std::abs(margin - std::abs(value));
    if (std::abs(value) < margin) half = half_width(t.interval_90);
  }
  Need need;
  const double spent = t.measured.flops();
  if (!std::isfinite(half) || !(target > 0)) {
    need.words = "more budgets or seeds: the interval is open";
    return need;
  }
  const double seeds = std::pow(half / target, 2);
  if (seeds <= kMostSeeds) {
    need.flops = std::max(0.0, seeds - 1) * spent;
    need.words = fmt::format("about {} FLOPs more: {:.1f} times the seeds of this grid",
                             human_flops(*need.flops), seeds);
  }
  const std::vector<BudgetCost>& costs = t.measured.costs;
  if (t.test.estimand == "log_multiplier_slope" && costs.size() >= 2) {
    // Sum of squares of n equally spaced ln C: step^2 n (n^2 - 1) / 12.
    const auto spread = [](double n) { return n * (n * n - 1); };
    const double n = double(costs.size());
    const double ratio = std::pow(costs.back().budget / costs.front().budget, 1 / (n - 1));
    double flops = 0;
    for (double m = 1; m <= kMostBudgets; ++m) {
      flops += costs.back().flops * std::pow(ratio, m);
      if (half * std::sqrt(spread(n) / spread(n + m)) > target) continue;
      if (!need.flops || flops < *need.flops) {
        need.flops = flops;
        need.words = fmt::format("about {} FLOPs more: budgets up to {}", human_flops(flops),
                                 human_flops(costs.back().budget * std::pow(ratio, m)));
      }
      break;
    }
  }
  if (!need.flops) need.words = "no affordable number of runs: the estimate lies at the bound";
  return need;
}

ClaimVerdict judge(const ClaimSpec& claim, const ClaimData& data, const MeasureOptions& options) {
  ClaimVerdict result;
  result.claim = claim;
  result.verdict = kUndetermined;
  if (!claim.testable) {
    result.verdict = kNotTestable;
    result.why = claim.reason;
    return result;
  }
  if (!data.known) {
    result.why = fmt::format("the database has no sweep '{}'", claim.sweep);
    result.needs = "run it";
    return result;
  }
  mark_registration(data, result);
  const std::vector<std::string> families = families_of(claim);
  const SweepCells cells = group_cells(data.rows);
  for (const ClaimTest& test : claim.tests)
    result.tests.push_back(judge_test(test, claim, cells, data, options));
  combine(result);
  if (const std::string unequal = unequal_tuning(families, data.effort);
      !unequal.empty() && result.verdict != kNotTestable) {
    result.verdict = kUndetermined;
    result.why = unequal;
    result.needs = "tune the families alike";
    result.needs_flops.reset();
  }
  const int64_t pending = mark_rows(families, data, result);
  if (pending > 0 && result.verdict == kNotTestable) {  // the scale is planned, it has not run
    result.verdict = kUndetermined;
    result.why += " so far";
  }
  mark_scale(data, cells, result);
  result.inputs_hash = hash_of_inputs(claim, cells, data.evals);
  return result;
}

}  // namespace aunet
