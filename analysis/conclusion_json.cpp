#include "analysis/conclusion.h"
#include "analysis/fit_command.h"

#include <cmath>

namespace aunet {
namespace {

using nlohmann::json;

json number(double value) { return std::isfinite(value) ? json(value) : json(); }

json optional_number(const std::optional<double>& value) { return value ? number(*value) : json(); }

json interval_json(const Interval& interval, bool low_open, bool high_open) {
  return {{"low", number(interval.low)},
          {"high", number(interval.high)},
          {"low_open", low_open},
          {"high_open", high_open}};
}

json curve_json(const FamilyCurve& curve) {
  json envelope = json::array();
  for (const EnvelopePoint& point : curve.envelope) {
    json keys = json::array();
    for (const FinalRow& row : point.best->rows) keys.push_back(row.key);
    envelope.push_back({{"budget", point.budget},
                        {"dims", point.best->dims},
                        {"layers", point.best->layers},
                        {"loss_bpb", point.best->loss_bpb},
                        {"flops_useful", number(point.best->flops_useful)},
                        {"n_sizes", point.n_sizes},
                        {"at_edge", point.at_edge},
                        {"keys", keys}});
  }
  return {{"family", curve.family},
          {"form", curve.fit.floor ? "E + A C^-g" : "A C^-g"},
          {"E", curve.fit.curve.E},
          {"A", number(curve.fit.curve.A)},
          {"g", curve.fit.curve.g},
          {"n", curve.fit.n_points},
          {"residual_sd", curve.fit.residual_sd},
          {"refusal", curve.fit.refusal},
          {"envelope", envelope},
          {"dropped_budgets", curve.dropped_budgets}};
}

json tuned_json(const TunedAxis& axis) {
  const auto beside = [](const std::optional<TrialBeside>& trial) {
    if (!trial) return json();
    return json{{"value", trial->value}, {"loss_bpb", optional_number(trial->loss_bpb)}};
  };
  return {{"family", axis.family},       {"budget", axis.budget_flops}, {"axis", axis.axis},
          {"value", axis.value},         {"loss_bpb", axis.loss_bpb},   {"below", beside(axis.below)},
          {"above", beside(axis.above)}, {"interior", axis.interior()}, {"verdict", axis.verdict()}};
}

json comparison_json(const Comparison& c) {
  json points = json::array();
  for (const MultiplierPoint& point : c.points) {
    points.push_back({{"budget", point.budget},
                      {"cost", point.cost},
                      {"loss_bpb", point.loss},
                      {"multiplier", number(point.multiplier)},
                      {"censored", point.censored > 0   ? "at_least"
                                   : point.censored < 0 ? "at_most"
                                                        : "no"},
                      {"ci95", interval_json(point.interval, point.low_open, point.high_open)}});
  }
  json influence = json::array();
  for (const Influence& one : c.influence) {
    influence.push_back({{"family", one.family},
                         {"dims", one.dims},
                         {"budget", one.budget},
                         {"multiplier", one.multiplier},
                         {"flips", one.flips}});
  }
  const bool stands = c.refusal.empty() && c.mean.has_value();
  return {{"counted_in", to_string(c.cost)},
          {"refused", !stands},
          {"refusal", c.refusal},
          {"cure", c.cure},
          {"multiplier", stands ? number(*c.mean) : json()},
          {"ci95", stands ? json{number(c.mean_interval.low), number(c.mean_interval.high)} : json()},
          {"slope", optional_number(c.slope)},
          {"losses_bpb", c.losses},
          {"without_largest_budget", optional_number(c.mean_without_largest)},
          {"points", points},
          {"curves", {{"a", curve_json(c.a)}, {"b", curve_json(c.b)}}},
          {"noise", {{"sd_log_loss", c.noise_sd}, {"freedom", c.noise_freedom}, {"source", c.noise_source}}},
          {"replicates", c.replicates},
          {"replicates_refused", c.replicates_refused},
          {"influence", influence}};
}

}  // namespace

json conclusion_to_json(const Conclusion& c) {
  json output = comparison_json(c.main);
  output["sweep"] = c.sweep;
  output["a"] = c.family_a;
  output["b"] = c.family_b;
  output["summary"] = summary(c);
  if (c.equivalence) {
    output["equivalence"] = {
        {"factor", std::exp(c.equivalence->margin)},
        {"ci90",
         {number(std::exp(c.equivalence->interval.low)), number(std::exp(c.equivalence->interval.high))}},
        {"p", c.equivalence->p},
        {"equivalent", c.equivalence->equivalent}};
  }
  output["n_runs"] = c.n_runs;
  output["n_trees"] = c.n_trees;
  output["budgets"] = {c.smallest_budget, c.largest_budget};
  output["marks"] = c.marks;
  output["warnings"] = all_warnings(c);
  const std::string conflict = sign_warning(c);
  if (!conflict.empty()) output["warnings"].insert(output["warnings"].begin(), conflict);
  output["leaders"] = json::array();
  for (const Leader& leader : leaders(c)) {
    output["leaders"].push_back({{"counted_in", to_string(leader.cost)},
                                 {"leader", leader.a_leads ? c.family_a : c.family_b},
                                 {"excludes_1", leader.clear}});
  }
  output["leaders_agree"] = conflict.empty();
  output["beside"] = json::array();
  for (const Comparison& comparison : c.beside) output["beside"].push_back(comparison_json(comparison));
  output["surface"] = {
      {"refusal", c.surface.refusal},
      {"multiplier", optional_number(c.surface.mean)},
      {"ci95",
       c.surface.mean ? json{number(c.surface.interval.low), number(c.surface.interval.high)} : json()},
      {"replicates", c.surface.replicates},
      {"replicates_refused", c.surface.refused},
      {"fit_a", fit_to_json(c.surface.a, nullptr, {})},
      {"fit_b", fit_to_json(c.surface.b, nullptr, {})}};
  output["tuning"] = json::array();
  for (const Effort& effort : c.effort) {
    output["tuning"].push_back(
        {{"family", effort.family}, {"trials", effort.trials}, {"flops_useful", effort.flops_useful}});
  }
  output["tuning_difference"] = number(c.effort_difference);
  output["tuned_settings"] = json::array();
  for (const TunedAxis& axis : c.tuned.axes) output["tuned_settings"].push_back(tuned_json(axis));
  output["planner_notes"] = c.tuned.planner_notes;
  output["pareto"] = c.pareto;
  output["unmatched"] = json::parse(write_table(c.unmatched, TableFormat::Json));
  return output;
}

}  // namespace aunet
