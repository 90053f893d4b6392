#include "analysis/conclusion.h"

#include "analysis/pareto.h"
#include "core/error.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>

namespace aunet {
namespace {

/// Replicates of the surfaces, a check beside the headline: 500 restarts of two fits of 20 cells take a
/// second; a sweep of thousands of cells gets fewer, at least 50.
int64_t surface_replicates(int64_t asked, int64_t n_runs) {
  return std::min(asked, std::clamp<int64_t>(20000 / std::max<int64_t>(n_runs, 1), 50, 500));
}

/// Replicates of the comparisons beside the headline: a million draws each, at least 200 replicates, so that
/// three more of them do not decide how long a sweep of thousands of cells takes.
int64_t beside_replicates(int64_t asked, int64_t n_runs) {
  return std::min(asked, std::max<int64_t>(1000000 / std::max<int64_t>(n_runs, 1), 200));
}

const EnvelopePoint* best_at(const FamilyCurve& curve, double budget) {
  for (const EnvelopePoint& point : curve.envelope) {
    if (point.budget == budget) return &point;
  }
  return nullptr;
}

std::optional<double> largest_shared(const Comparison& comparison) {
  std::optional<double> largest;
  for (const EnvelopePoint& point : comparison.a.envelope) {
    if (best_at(comparison.b, point.budget) != nullptr) largest = point.budget;
  }
  return largest;
}

template <typename T>
std::optional<double> as_number(const std::optional<T>& value) {
  return value ? std::optional<double>(double(*value)) : std::nullopt;
}

std::optional<double> ratio(const std::optional<double>& a, const std::optional<double>& b) {
  return a && b && *b > 0 ? std::optional<double>(*a / *b) : std::nullopt;
}

TextTable unmatched_table(const Comparison& comparison) {
  TextTable table;
  table.columns = {"quantity", comparison.family_a, comparison.family_b, "ratio b/a"};
  const auto budget = largest_shared(comparison);
  if (!budget) {
    table.title = "What the budget does not match: no shared budget";
    return table;
  }
  table.title = fmt::format("What the budget does not match: best runs at {} FLOPs", human_flops(*budget));
  const SizeCell &a = *best_at(comparison.a, *budget)->best, &b = *best_at(comparison.b, *budget)->best;
  const FinalRow &row_a = a.rows[0], &row_b = b.rows[0];
  table.rows.push_back(
      {"widths; layers", row_a.dims + "; " + row_a.layers, row_b.dims + "; " + row_b.layers, ""});
  using Get = std::function<std::optional<double>(const SizeCell&, const FinalRow&)>;
  const std::vector<std::pair<const char*, Get>> quantities = {
      {"held-out bits per byte",
       [](const SizeCell& c, const FinalRow&) { return std::optional<double>(c.loss_bpb); }},
      {"training FLOPs, useful",
       [](const SizeCell& c, const FinalRow&) { return std::optional<double>(c.flops_useful); }},
      {"training FLOPs, paper",
       [](const SizeCell& c, const FinalRow&) { return std::optional<double>(c.flops_paper); }},
      {"training FLOPs, executed",
       [](const SizeCell& c, const FinalRow&) { return std::optional<double>(c.flops_executed); }},
      {"training seconds", [](const SizeCell& c, const FinalRow&) { return c.seconds; }},
      {"text bytes trained on",
       [](const SizeCell& c, const FinalRow&) { return std::optional<double>(c.bytes); }},
      {"bytes per token, training text",
       [](const SizeCell&, const FinalRow& r) { return ratio(r.bytes, r.tokens); }},
      {"bytes per token, held-out text",
       [](const SizeCell&, const FinalRow& r) {
         return r.tokens ? ratio(as_number(r.heldout_bytes), as_number(r.heldout_units)) : std::nullopt;
       }},
      {"epochs", [](const SizeCell&, const FinalRow& r) { return r.epochs; }},
      {"parameters", [](const SizeCell&, const FinalRow& r) { return as_number(r.params); }},
      {"parameters, non-embedding",
       [](const SizeCell&, const FinalRow& r) { return as_number(r.params_non_embedding); }},
      {"parameters, embedding",
       [](const SizeCell&, const FinalRow& r) { return as_number(r.params_embedding); }},
      {"inference FLOPs per byte",
       [](const SizeCell&, const FinalRow& r) { return r.inference_flops_per_byte; }},
      {"memory estimate (bytes)", [](const SizeCell&, const FinalRow& r) { return r.memory_bytes; }},
      {"batch (text bytes)", [](const SizeCell&, const FinalRow& r) { return r.batch_bytes; }},
      {"steps", [](const SizeCell&, const FinalRow& r) { return as_number(r.steps_planned); }},
      {"learning rate, peak", [](const SizeCell&, const FinalRow& r) { return r.lr; }},
      {"held-out bytes scored",
       [](const SizeCell&, const FinalRow& r) { return as_number(r.heldout_bytes); }},
  };
  const auto shown = [](const std::optional<double>& value) {
    return value && std::isfinite(*value) ? fmt::format("{:.4g}", *value) : std::string();
  };
  for (const auto& [name, get] : quantities) {
    const auto x = get(a, row_a), y = get(b, row_b);
    const bool both = x && y && *x > 0 && std::isfinite(*x) && std::isfinite(*y);
    table.rows.push_back({name, shown(x), shown(y), both ? fmt::format("{:.3g}", *y / *x) : ""});
  }
  return table;
}

void add_effort(Db& db, Conclusion& conclusion) {
  conclusion.effort = {{conclusion.family_a, 0, 0}, {conclusion.family_b, 0, 0}};
  for (const TuningEffort& row : tuning_effort(db, conclusion.sweep)) {
    for (Effort& effort : conclusion.effort) {
      if (effort.family != row.family) continue;
      effort.trials += row.trials;
      effort.flops_useful += row.flops_useful;
    }
  }
  const Effort &a = conclusion.effort[0], &b = conclusion.effort[1];
  conclusion.effort_difference = effort_apart(a, b);
  if (a.trials + b.trials == 0) {
    conclusion.marks.push_back("neither family was tuned");
  } else if (conclusion.effort_difference > kEffortTolerance) {
    conclusion.marks.push_back(fmt::format("unequal tuning: {} trials, {} FLOPs against {} trials, {} FLOPs",
                                           a.trials, human_flops(a.flops_useful), b.trials,
                                           human_flops(b.flops_useful)));
  }
}

void add_marks(const SweepCells& cells, Conclusion& conclusion) {
  if (conclusion.main.cost != Cost::Useful) {
    conclusion.marks.push_back(fmt::format(
        "counted in {}", conclusion.main.cost == Cost::Seconds ? "measured seconds of these machines"
                                                               : to_string(conclusion.main.cost) + " FLOPs"));
  }
  if (cells.convention != "useful" && !cells.convention.empty()) {
    conclusion.marks.push_back(fmt::format("budgets were set in {} FLOPs", cells.convention));
  }
  std::set<std::string> leaky, ungated;
  double most_epochs = 0;
  for (const std::string& name : {conclusion.family_a, conclusion.family_b}) {
    for (const SizeCell& cell : cells.family(name).cells) {
      for (const FinalRow& row : cell.rows) {
        if (!row.gate_causal)
          ungated.insert(name);
        else if (!*row.gate_causal)
          leaky.insert(name);
        most_epochs = std::max(most_epochs, row.epochs.value_or(0));
      }
    }
  }
  for (const std::string& name : leaky) conclusion.marks.push_back(name + " has runs that leak future bytes");
  for (const std::string& name : ungated)
    conclusion.marks.push_back(name + " has runs without a causality verdict");
  if (most_epochs > 4)
    conclusion.marks.push_back(fmt::format("data repeated up to {:.1f} epochs", most_epochs));
}

}  // namespace

double effort_apart(const Effort& a, const Effort& b) {
  const auto apart = [](double x, double y) {
    if (x == y) return 0.0;
    return std::min(x, y) > 0 ? std::max(x, y) / std::min(x, y) - 1 : std::numeric_limits<double>::infinity();
  };
  return std::max(apart(double(a.trials), double(b.trials)), apart(a.flops_useful, b.flops_useful));
}

std::pair<std::string, std::string> default_families(const SweepCells& cells) {
  std::vector<std::string> names;
  for (const FamilyCells& family : cells.families) names.push_back(family.name);
  if (names.size() != 2) {
    throw ConfigError(fmt::format("--a, --b: expected two families; sweep '{}' has {}", cells.sweep,
                                  names.empty() ? "none" : join(names, ", ")));
  }
  if (cells.families[1].kind == "aunet" && cells.families[0].kind != "aunet") std::swap(names[0], names[1]);
  return {names[0], names[1]};
}

namespace {

/// What the user named, the rest by default.
std::pair<std::string, std::string> chosen_families(const SweepCells& cells,
                                                    const ConclusionOptions& options) {
  for (const std::string& name : {options.family_a, options.family_b}) {
    if (!name.empty()) cells.family(name);  // throws, saying which there are
  }
  if (!options.family_a.empty() && !options.family_b.empty()) return {options.family_a, options.family_b};
  auto [a, b] = default_families(cells);
  if (a == options.family_b || b == options.family_a) std::swap(a, b);
  return {a, b};
}

/// Runs, trees and budgets of the two families.
void count_runs(const SweepCells& cells, Conclusion& conclusion) {
  std::set<double> budgets;
  for (const std::string& name : {conclusion.family_a, conclusion.family_b}) {
    conclusion.n_trees += cells.family(name).n_trees();
    for (const SizeCell& cell : cells.family(name).cells) {
      conclusion.n_runs += int64_t(cell.rows.size());
      budgets.insert(cell.budget);
    }
  }
  conclusion.n_budgets = int64_t(budgets.size());
  if (!budgets.empty()) {
    conclusion.smallest_budget = *budgets.begin();
    conclusion.largest_budget = *budgets.rbegin();
  }
}

}  // namespace

Conclusion conclude(Db& db, const SweepCells& cells, const ConclusionOptions& options) {
  Conclusion conclusion;
  conclusion.sweep = cells.sweep;
  std::tie(conclusion.family_a, conclusion.family_b) = chosen_families(cells, options);
  count_runs(cells, conclusion);
  const auto compare = [&](Cost cost, int64_t replicates) {
    return compare_families(cells, conclusion.family_a, conclusion.family_b,
                            {.cost = cost, .replicates = replicates, .seed = options.seed});
  };
  conclusion.main = compare(options.cost, options.replicates);
  if (options.margin > 1 && conclusion.main.mean) {
    const Estimate log_mean{.value = std::log(*conclusion.main.mean),
                            .draws = conclusion.main.log_mean_draws};
    conclusion.equivalence = test_equivalence(log_mean, std::log(options.margin));
  }
  for (const Cost cost : {Cost::Useful, Cost::Paper, Cost::Executed, Cost::Seconds}) {
    if (cost != options.cost)
      conclusion.beside.push_back(compare(cost, beside_replicates(options.replicates, conclusion.n_runs)));
  }
  if (conclusion.main.refusal.empty() && options.cost == Cost::Useful) {
    conclusion.surface =
        compare_surfaces(cells, conclusion.family_a, conclusion.family_b, conclusion.main.losses,
                         surface_replicates(options.replicates, conclusion.n_runs), options.seed);
  } else {
    conclusion.surface.refusal = conclusion.main.refusal.empty() ? "surfaces are fitted in useful FLOPs only"
                                                                 : "no losses to compare at";
  }
  add_effort(db, conclusion);
  conclusion.tuned = tuned_settings(db, cells.sweep, {conclusion.family_a, conclusion.family_b});
  add_marks(cells, conclusion);
  conclusion.unmatched = unmatched_table(conclusion.main);
  if (const auto budget = largest_shared(conclusion.main)) {
    for (const Against against : {Against::Inference, Against::Params})
      conclusion.pareto.push_back(
          pareto_line(pareto_view(cells, against), *budget, {conclusion.family_a, conclusion.family_b}));
  }
  return conclusion;
}

}  // namespace aunet
