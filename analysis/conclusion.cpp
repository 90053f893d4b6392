#include "analysis/conclusion.h"

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

constexpr double kSmallScale =
    1e18;  // FLOPs; below it the paper's own laws are no default (DESIGN section 4)

std::string unit_of(Cost cost) { return cost == Cost::Seconds ? "s" : "FLOPs"; }

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

std::string side_note(const Comparison& comparison) {
  if (!comparison.refusal.empty()) return "refused: " + comparison.refusal;
  return show_multiplier(*comparison.mean, comparison.mean_interval);
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

}  // namespace

Conclusion conclude(Db& db, const SweepCells& cells, const ConclusionOptions& options) {
  Conclusion conclusion;
  conclusion.sweep = cells.sweep;
  std::tie(conclusion.family_a, conclusion.family_b) = chosen_families(cells, options);
  const auto compare = [&](Cost cost) {
    return compare_families(cells, conclusion.family_a, conclusion.family_b,
                            {.cost = cost, .replicates = options.replicates, .seed = options.seed});
  };
  conclusion.main = compare(options.cost);
  if (options.margin > 1 && conclusion.main.mean) {
    const Estimate log_mean{.value = std::log(*conclusion.main.mean),
                            .draws = conclusion.main.log_mean_draws};
    conclusion.equivalence = test_equivalence(log_mean, std::log(options.margin));
  }
  for (const Cost cost : {Cost::Useful, Cost::Paper, Cost::Seconds}) {
    if (cost != options.cost) conclusion.beside.push_back(compare(cost));
  }
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
  if (conclusion.main.refusal.empty() && options.cost == Cost::Useful) {
    conclusion.surface =
        compare_surfaces(cells, conclusion.family_a, conclusion.family_b, conclusion.main.losses,
                         surface_replicates(options.replicates, conclusion.n_runs), options.seed);
  } else {
    conclusion.surface.refusal = conclusion.main.refusal.empty() ? "surfaces are fitted in useful FLOPs only"
                                                                 : "no losses to compare at";
  }
  add_effort(db, conclusion);
  add_marks(cells, conclusion);
  conclusion.unmatched = unmatched_table(conclusion.main);
  return conclusion;
}

std::string show_multiplier(double value, const Interval& interval) {
  return fmt::format("{:.2f} [{:.2f}, {:.2f}]", value, interval.low, interval.high);
}

std::string show_equivalence(const Equivalence& test) {
  return fmt::format(
      "Equivalent within a factor {:.4g}: {} (90 % interval {:.2f} to {:.2f}, two one-sided tests, p "
      "{:.2g}).",
      std::exp(test.margin), test.equivalent ? "yes" : "no", std::exp(test.interval.low),
      std::exp(test.interval.high), test.p);
}

std::string summary(const Conclusion& c) {
  const std::string scale =
      c.n_runs == 0 ? "No finished runs."
                    : fmt::format("{}{} runs{}, {} budgets, {} to {} FLOPs; it says nothing beyond them.",
                                  c.largest_budget < kSmallScale ? "Small-scale: " : "From ", c.n_runs,
                                  c.n_trees < c.n_runs ? fmt::format(" in {} trees", c.n_trees) : "",
                                  c.n_budgets, human_flops(c.smallest_budget), human_flops(c.largest_budget));
  const Comparison& m = c.main;
  if (!m.refusal.empty()) {
    return fmt::format("No multiplier of {} over {}: {}.{} {}", c.family_a, c.family_b, m.refusal,
                       m.cure.empty() ? "" : " What would help: " + m.cure + ".", scale);
  }
  const std::string number = show_multiplier(*m.mean, m.mean_interval);
  const std::string where =
      fmt::format("averaged over the losses that both reach, {:.3f} to {:.3f} bits per byte",
                  m.losses.front(), m.losses.back());
  const std::string unit = m.cost == Cost::Seconds ? "training time" : "compute";
  const bool less = m.mean_interval.low > 1, more = m.mean_interval.high < 1;
  std::string verdict;
  if (less) {
    verdict = fmt::format(
        "{} reaches the same held-out bits per byte with less {} than {}: multiplier {} (95 %), {}.",
        c.family_a, unit, c.family_b, number, where);
  } else if (more) {
    verdict =
        fmt::format("{} needs more {} than {} for the same held-out bits per byte: multiplier {} (95 %), {}.",
                    c.family_a, unit, c.family_b, number, where);
  } else {
    verdict = fmt::format("No difference in {} between {} and {} is shown: multiplier {} (95 %), {}.", unit,
                          c.family_a, c.family_b, number, where);
  }
  if (!c.marks.empty()) verdict += " Marked: " + join(c.marks, "; ") + ".";
  return verdict + " " + scale;
}

TextTable multiplier_table(const Conclusion& c) {
  TextTable table;
  table.title =
      fmt::format("Compute multiplier of {} over {}, M(C) = C_{}(L_{}(C)) / C, counted in {}", c.family_a,
                  c.family_b, c.family_b, c.family_a,
                  c.main.cost == Cost::Seconds ? "training seconds" : to_string(c.main.cost) + " FLOPs");
  table.columns = {"budget (FLOPs)",
                   fmt::format("C ({})", unit_of(c.main.cost)),
                   fmt::format("{} (bits/byte)", c.family_a),
                   fmt::format("{} (bits/byte)", c.family_b),
                   "M",
                   "95 % low",
                   "95 % high"};
  for (const MultiplierPoint& point : c.main.points) {
    const char* sign = point.censored > 0 ? ">= " : point.censored < 0 ? "<= " : "";
    table.rows.push_back({human_flops(point.budget), fmt::format("{:.4g}", point.cost),
                          fmt::format("{:.4f}", point.loss),
                          fmt::format("{:.4f}", c.main.b.fit.curve.loss(point.cost)),
                          fmt::format("{}{:.3f}", sign, point.multiplier),
                          fmt::format("{}{:.3f}", point.low_open ? "< " : "", point.interval.low),
                          fmt::format("{}{:.3f}", point.high_open ? "> " : "", point.interval.high)});
  }
  table.note = fmt::format(
      "Losses are on the fitted curves. {} replicates; noise of a cell: {:.2g} of its loss ({}, {:.0f} "
      "degrees of freedom).",
      c.main.replicates, c.main.noise_sd, c.main.noise_source, c.main.noise_freedom);
  return table;
}

TextTable costs_table(const Conclusion& c) {
  TextTable table;
  table.title = "The mean multiplier under other ways of counting";
  table.columns = {"counted in", "M [95 %]", "remark"};
  const auto remark = [](Cost cost) -> std::string {
    if (cost == Cost::Useful) return "every product of the model, head included";
    if (cost == Cost::Paper) return "the paper's count: leaves out the output head";
    return cost == Cost::Seconds ? "this machine and this code" : "";
  };
  std::vector<const Comparison*> all = {&c.main};
  for (const Comparison& comparison : c.beside) all.push_back(&comparison);
  for (const Comparison* comparison : all) {
    table.rows.push_back({to_string(comparison->cost), side_note(*comparison), remark(comparison->cost)});
  }
  table.rows.push_back({"useful, from L(N, D)",
                        c.surface.mean ? show_multiplier(*c.surface.mean, c.surface.interval)
                                       : "refused: " + c.surface.refusal,
                        "all cells, through the fitted surfaces"});
  return table;
}

TextTable effort_table(const Conclusion& c) {
  TextTable table;
  table.title = "Tuning effort";
  table.columns = {"family", "trials", "useful FLOPs spent"};
  for (const Effort& effort : c.effort)
    table.rows.push_back({effort.family, std::to_string(effort.trials), human_flops(effort.flops_useful)});
  table.note = std::isfinite(c.effort_difference)
                   ? fmt::format("Difference {:.1f} %; allowed {:.0f} %.", 100 * c.effort_difference,
                                 100 * kEffortTolerance)
                   : "Only one family was tuned.";
  return table;
}

std::vector<std::string> all_warnings(const Conclusion& c) {
  std::vector<std::string> warnings = c.main.warnings;
  for (const Influence& one : c.main.influence) {
    if (one.flips) {
      warnings.push_back(fmt::format("without {} {} at {} FLOPs the other family would lead (M = {:.2f})",
                                     one.family, one.dims, human_flops(one.budget), one.multiplier));
    }
  }
  if (c.main.mean_without_largest) {
    warnings.push_back(fmt::format("without the largest budget the mean multiplier is {:.2f}",
                                   *c.main.mean_without_largest));
  }
  if (c.main.mean && c.surface.mean &&
      (c.surface.interval.high < c.main.mean_interval.low ||
       c.surface.interval.low > c.main.mean_interval.high)) {
    warnings.push_back(fmt::format("the surfaces L(N, D) disagree: they give {:.2f} [{:.2f}, {:.2f}]",
                                   *c.surface.mean, c.surface.interval.low, c.surface.interval.high));
  }
  return warnings;
}

}  // namespace aunet
