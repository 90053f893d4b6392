#include "analysis/conclusion.h"

#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace aunet {
namespace {

constexpr double kSmallScale =
    1e18;  // FLOPs; below it the paper's own laws are no default (DESIGN section 4)

std::string unit_of(Cost cost) { return cost == Cost::Seconds ? "s" : "FLOPs"; }

std::string side_note(const Comparison& comparison) {
  if (!comparison.refusal.empty()) return "refused: " + comparison.refusal;
  return show_multiplier(*comparison.mean, comparison.mean_interval);
}

}  // namespace

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
    if (cost == Cost::Executed) return "what the runs computed, caps and recomputation included";
    return "this machine and this code";
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

std::vector<Leader> leaders(const Conclusion& c) {
  std::vector<const Comparison*> all = {&c.main};
  for (const Comparison& comparison : c.beside) all.push_back(&comparison);
  std::vector<Leader> known;
  for (const Comparison* one : all) {
    const std::optional<double> log_m = one->mean ? std::optional(std::log(*one->mean)) : one->log_bound;
    if (!log_m || *log_m == 0) continue;
    Leader leader{.cost = one->cost, .a_leads = *log_m > 0, .clear = false, .estimate = ""};
    if (one->mean) {
      leader.clear = !one->mean_interval.contains(1);
      leader.estimate = show_multiplier(*one->mean, one->mean_interval);
    } else {
      const auto against = std::count_if(one->log_mean_draws.begin(), one->log_mean_draws.end(),
                                         [&](double draw) { return (draw > 0) != leader.a_leads; });
      leader.clear = double(against) <= 0.5 * (1 - kLevel) * double(one->log_mean_draws.size());
      leader.estimate = fmt::format("{} {:.2f}", leader.a_leads ? ">=" : "<=", std::exp(*log_m));
    }
    known.push_back(leader);
  }
  return known;
}

std::string sign_warning(const Conclusion& c) {
  std::vector<std::string> sides[2];  // of b, of a
  bool clear[2] = {false, false};
  for (const Leader& leader : leaders(c)) {
    sides[leader.a_leads].push_back(to_string(leader.cost) + " " + leader.estimate);
    clear[leader.a_leads] = clear[leader.a_leads] || leader.clear;
  }
  if (sides[0].empty() || sides[1].empty()) return "";
  const auto says = [&](bool a_leads) {
    return fmt::format("{} {} {}", join(sides[a_leads], ", "), sides[a_leads].size() > 1 ? "say" : "says",
                       a_leads ? c.family_a : c.family_b);
  };
  const char* const chance = clear[0] && clear[1] ? ", and not by chance" : "";
  const char* const why = clear[0] && clear[1]   ? "on both sides an interval excludes 1"
                          : clear[0] || clear[1] ? "on one side no interval excludes 1: it may be chance"
                                                 : "no interval excludes 1: it may be chance";
  return fmt::format("the winner depends on what is counted{}: {}; {} ({})", chance, says(true), says(false),
                     why);
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
