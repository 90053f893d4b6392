#include "analysis/tuned_settings.h"

#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace aunet {
namespace {

/// Where a trial stands on one axis, in its logarithm; split rules have only a text.
struct Place {
  double at = 0;
  std::string text;
};

struct Axis {
  const char* name;
  std::optional<Place> (*place)(const TuningTrial&);
  double tolerance;  // of equal places
  bool ordered = true;
};

std::optional<Place> number(const std::optional<double>& value) {
  if (!value || !(*value > 0)) return std::nullopt;
  return Place{std::log(*value), fmt::format("{:.4g}", *value)};
}

std::optional<double> as_real(const std::optional<int64_t>& value) {
  return value ? std::optional(double(*value)) : std::nullopt;
}

/// Width of stage 1 over that of stage 2; nullopt with one stage.
std::optional<double> byte_width(const TuningTrial& trial) {
  const std::vector<std::string> dims = split_on(trial.dims, ',');
  if (dims.size() < 2) return std::nullopt;
  return std::strtod(dims[0].c_str(), nullptr) / std::strtod(dims[1].c_str(), nullptr);
}

constexpr double kEqual = 1e-6;

const std::vector<Axis>& all_axes() {
  static const std::vector<Axis> kAxes = {
      {"lr", [](const TuningTrial& t) { return number(t.lr); }, kEqual},
      {"batch", [](const TuningTrial& t) { return number(as_real(t.batch_windows)); }, kEqual},
      {"weight_decay", [](const TuningTrial& t) { return number(t.weight_decay); }, kEqual},
      {"vocab", [](const TuningTrial& t) { return number(as_real(t.vocab)); }, kEqual},
      {"byte_width", [](const TuningTrial& t) { return number(byte_width(t)); }, std::log(2.0) / 4},
      {"split",
       [](const TuningTrial& t) {
         return t.split.empty() ? std::nullopt : std::optional(Place{0, t.split});
       },
       0, false}};
  return kAxes;
}

bool diverged(const TuningTrial& trial) { return trial.cause == "nan" || trial.cause == "diverged"; }

bool same(const Axis& axis, const TuningTrial& a, const TuningTrial& b) {
  const auto x = axis.place(a), y = axis.place(b);
  if (!x || !y) return x.has_value() == y.has_value();
  return axis.ordered ? std::abs(x->at - y->at) <= axis.tolerance : x->text == y->text;
}

bool differs_only_in(const Axis& axis, const TuningTrial& a, const TuningTrial& b) {
  return std::all_of(all_axes().begin(), all_axes().end(),
                     [&](const Axis& other) { return same(other, a, b) == (other.name != axis.name); });
}

/// The nearest of the candidates on one side, or the best of the other split rules.
std::optional<TrialBeside> beside(const Axis& axis, const TuningTrial& best,
                                  const std::vector<const TuningTrial*>& trials, int side) {
  const TuningTrial* nearest = nullptr;
  const auto distance = [&](const TuningTrial& t) {
    return side * (axis.place(t)->at - axis.place(best)->at);
  };
  const auto closer = [&](const TuningTrial& a, const TuningTrial& b) {
    return axis.ordered ? distance(a) < distance(b)
                        : a.loss_bpb.value_or(INFINITY) < b.loss_bpb.value_or(INFINITY);
  };
  for (const TuningTrial* trial : trials) {
    if (!differs_only_in(axis, *trial, best) || !axis.place(*trial)) continue;
    if (axis.ordered && distance(*trial) < 0) continue;
    if (nearest == nullptr || closer(*trial, *nearest)) nearest = trial;
  }
  if (nearest == nullptr) return std::nullopt;
  return TrialBeside{axis.place(*nearest)->text, nearest->loss_bpb};
}

void add_axes(const std::vector<const TuningTrial*>& trials, std::vector<TunedAxis>& tuned) {
  const TuningTrial* best = nullptr;
  for (const TuningTrial* trial : trials)
    if (trial->loss_bpb && (best == nullptr || *trial->loss_bpb < *best->loss_bpb)) best = trial;
  if (best == nullptr) return;
  for (const Axis& axis : all_axes()) {
    const bool varied = std::any_of(trials.begin(), trials.end(),
                                    [&](const TuningTrial* trial) { return !same(axis, *trial, *best); });
    if (!varied || !axis.place(*best)) continue;
    TunedAxis& row = tuned.emplace_back();
    row.family = best->family;
    row.budget_flops = best->budget_flops;
    row.axis = axis.name;
    row.value = axis.place(*best)->text;
    row.loss_bpb = *best->loss_bpb;
    row.ordered = axis.ordered;
    row.below = beside(axis, *best, trials, -1);
    if (axis.ordered) row.above = beside(axis, *best, trials, 1);
  }
}

}  // namespace

std::string TunedAxis::verdict() const {
  if (interior()) return ordered ? "interior" : "best of the rules tried";
  if (!ordered) return "edge: no other rule, all else equal";
  if (axis == "batch" && value == "1" && !below) return "edge: one window is the least";
  return below ? "edge: nothing above" : above ? "edge: nothing below" : "edge: nothing on either side";
}

std::vector<TunedAxis> tuned_axes(const std::vector<TuningTrial>& trials) {
  std::map<std::pair<std::string, double>, std::vector<const TuningTrial*>> searches;
  for (const TuningTrial& trial : trials)
    if (trial.loss_bpb || diverged(trial)) searches[{trial.family, trial.budget_flops}].push_back(&trial);
  std::vector<TunedAxis> tuned;
  for (const auto& [_, list] : searches) add_axes(list, tuned);
  return tuned;
}

TunedSettings tuned_settings(Db& db, const std::string& sweep, const std::vector<std::string>& families) {
  const std::vector<TunedAxis> axes = tuned_axes(tuning_trials(db, sweep));
  const std::vector<std::string> notes = plan_notes(db, sweep);
  std::set<std::string> tuned;
  for (const TunedAxis& axis : axes) tuned.insert(axis.family);
  TunedSettings settings;
  for (const std::string& family : families.empty() ? std::vector(tuned.begin(), tuned.end()) : families) {
    for (const TunedAxis& axis : axes)
      if (axis.family == family) settings.axes.push_back(axis);
    for (const std::string& note : notes)
      if (note.starts_with(family + " tuned at ")) settings.planner_notes.push_back(note);
  }
  return settings;
}

TextTable tuned_table(const TunedSettings& tuned) {
  TextTable table;
  table.title = "Tuned settings: the best trial and its neighbours on each axis, all else equal";
  table.columns = {"family", "tuned at (FLOPs)", "axis",  "below",           "bits/byte below",
                   "best",   "bits/byte",        "above", "bits/byte above", "verdict"};
  const auto loss_of = [](const std::optional<TrialBeside>& trial) -> std::string {
    if (!trial) return "";
    return trial->loss_bpb ? fmt::format("{:.4f}", *trial->loss_bpb) : "diverged";
  };
  const auto value_of = [](const std::optional<TrialBeside>& trial) { return trial ? trial->value : ""; };
  size_t inside = 0;
  for (const TunedAxis& row : tuned.axes) {
    inside += row.interior();
    table.rows.push_back({row.family, human_flops(row.budget_flops), row.axis, value_of(row.below),
                          loss_of(row.below), row.value, fmt::format("{:.4f}", row.loss_bpb),
                          value_of(row.above), loss_of(row.above), row.verdict()});
  }
  if (tuned.axes.empty()) {
    table.note = "No axis was tuned.";
    return table;
  }
  table.note = fmt::format(
      "{} of {} selected settings are interior. lr: peak rate; batch: windows a step; weight_decay; vocab: "
      "ids; "
      "byte_width: of stage 1 over stage 2.",
      inside, tuned.axes.size());
  for (const std::string& note : tuned.planner_notes) table.note += "\nPlanner: " + note + ".";
  return table;
}

}  // namespace aunet
