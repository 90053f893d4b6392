#include "sweep/tuned_family.h"

#include "core/error.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace aunet {

namespace {

using Get = double TunedBudget::*;

PowerLaw fitted(const std::vector<TunedBudget>& budgets, Get value) {
  double mean_x = 0, mean_y = 0, xx = 0, xy = 0;
  const auto n = static_cast<double>(budgets.size());
  for (const TunedBudget& b : budgets) {
    mean_x += std::log(b.budget_flops) / n;
    mean_y += std::log(b.*value) / n;
  }
  for (const TunedBudget& b : budgets) {
    const double x = std::log(b.budget_flops) - mean_x;
    xx += x * x;
    xy += x * (std::log(b.*value) - mean_y);
  }
  const double exponent = xy / xx;
  return {std::exp(mean_y - exponent * mean_x), exponent};
}

PowerLaw with_exponent(const std::vector<TunedBudget>& budgets, Get value, double exponent) {
  double log_coefficient = 0;
  for (const TunedBudget& b : budgets)
    log_coefficient +=
        (std::log(b.*value) - exponent * std::log(b.budget_flops)) / static_cast<double>(budgets.size());
  return {std::exp(log_coefficient), exponent};
}

}  // namespace

double rounded(double value) { return std::strtod(fmt::format("{:.6g}", value).c_str(), nullptr); }

bool TunedFamily::has(const std::string& axis) const {
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

void fit_laws(TunedFamily& tuned, const std::string& kind) {
  const HyperLaw paper = paper_law(kind);
  const bool fit = tuned.law == "fitted" && tuned.budgets.size() >= 2;
  const auto law = [&](const char* axis, Get value, double exponent) {
    if (!tuned.has(axis)) return PowerLaw{};
    return fit ? fitted(tuned.budgets, value) : with_exponent(tuned.budgets, value, exponent);
  };
  tuned.lr = law("lr", &TunedBudget::lr, paper.lr.exponent);
  tuned.batch_windows = law("batch", &TunedBudget::batch_windows, paper.batch_units.exponent);
  tuned.weight_decay = law("weight_decay", &TunedBudget::weight_decay, 0);
}

Carried carry(const TunedFamily& tuned, double budget_flops) {
  require(!tuned.budgets.empty(), "carry: nothing was tuned");
  Carried carried;
  if (tuned.has("lr")) carried.lr = rounded(tuned.lr(budget_flops));
  if (tuned.has("batch"))
    carried.batch_windows = std::max<int64_t>(1, std::llround(tuned.batch_windows(budget_flops)));
  if (tuned.has("weight_decay")) carried.weight_decay = rounded(tuned.weight_decay(budget_flops));
  const auto nearest = std::min_element(tuned.budgets.begin(), tuned.budgets.end(),
                                        [&](const TunedBudget& a, const TunedBudget& b) {
                                          return std::abs(std::log(a.budget_flops / budget_flops)) <
                                                 std::abs(std::log(b.budget_flops / budget_flops)) - 1e-9;
                                        });
  carried.model = nearest->model;
  carried.from = tuned.budgets.front().budget_flops;
  carried.to = tuned.budgets.back().budget_flops;
  if (tuned.budgets.size() > 1)
    carried.source =
        fmt::format("law {} at {} to {}", tuned.law == "fitted" ? "fitted" : "with paper exponents",
                    human_flops(carried.from), human_flops(carried.to));
  else
    carried.source =
        fmt::format("tuned at {}{}", human_flops(carried.from),
                    budget_flops == carried.from ? "" : ", carried by the paper law's exponents");
  for (const TunedBudget& b : tuned.budgets)
    if (!b.interior)
      carried.warnings.push_back(fmt::format("{}: tuning at {} is not interior: {}", tuned.family,
                                             human_flops(b.budget_flops), b.ends));
  return carried;
}

std::vector<std::string> describe(const TunedFamily& tuned) {
  std::vector<std::string> lines;
  for (const TunedBudget& b : tuned.budgets) {
    std::vector<std::string> values;
    if (tuned.has("lr")) values.push_back(fmt::format("lr {:.4g}", b.lr));
    if (tuned.has("batch")) values.push_back(fmt::format("{:.4g} windows a step", b.batch_windows));
    if (tuned.has("weight_decay")) values.push_back(fmt::format("weight decay {:.4g}", b.weight_decay));
    if (const std::string model = b.model.text(); !model.empty()) values.push_back(model);
    lines.push_back(fmt::format("{} tuned at {}: {} after {} trials ({})", tuned.family,
                                human_flops(b.budget_flops), join(values, ", "), b.trials.size(),
                                b.interior ? "interior" : "not interior: " + b.ends));
  }
  return lines;
}

}  // namespace aunet
