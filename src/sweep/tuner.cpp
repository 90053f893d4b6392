#include "sweep/tuner.h"

#include "budget/laws.h"
#include "core/error.h"
#include "core/text.h"
#include "sweep/repetition.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace aunet {

namespace {

/// A start that a law gives holds at most this share of the run: the laws come from 1e19 FLOPs and ask for
/// batches that leave a small run a handful of steps.
constexpr double kLargestStartShare = 1.0 / 32;

bool has_axis(const SweepSpec& spec, const char* axis) {
  return std::find(spec.tune.axes.begin(), spec.tune.axes.end(), axis) != spec.tune.axes.end();
}

/// Power of two nearest in ratio: starts on a grid of their own, so that a changed grid of sizes keeps its
/// trials.
double nearest_power_of_two(double value) { return std::exp2(std::round(std::log2(value))); }

int64_t scaled_windows(int64_t windows, double factor) {
  return std::max<int64_t>(1, std::llround(static_cast<double>(windows) * factor));
}

double interpolate(double x, double x0, double y0, double x1, double y1) {
  const double share = std::log(x / x0) / std::log(x1 / x0);
  return y0 * std::pow(y1 / y0, share);
}

}  // namespace

double rounded(double value) { return std::strtod(fmt::format("{:.6g}", value).c_str(), nullptr); }

std::vector<size_t> budgets_named(const std::vector<std::string>& names, const std::vector<double>& budgets,
                                  const std::string& where) {
  std::vector<size_t> indices;
  const auto add = [&](size_t i) {
    if (std::find(indices.begin(), indices.end(), i) == indices.end()) indices.push_back(i);
  };
  for (const std::string& name : names) {
    char* end = nullptr;
    const double number = std::strtod(name.c_str(), &end);
    const auto same = std::find_if(budgets.begin(), budgets.end(),
                                   [&](double b) { return std::abs(b / number - 1) < 1e-9; });
    if (name == "smallest")
      add(0);
    else if (name == "middle")
      add((budgets.size() - 1) / 2);
    else if (name == "largest")
      add(budgets.size() - 1);
    else if (name == "each")
      for (size_t i = 0; i < budgets.size(); ++i) add(i);
    else if (*end == '\0' && same != budgets.end())
      add(static_cast<size_t>(same - budgets.begin()));
    else
      throw ConfigError(fmt::format(
          "{}: expected smallest, middle, largest, each or one of budget.flops, got '{}'", where, name));
  }
  std::sort(indices.begin(), indices.end());
  return indices;
}

Tuner::Tuner(const SweepSpec& spec, CellFactory& factory, Sizing& sizing, const LossLookup& losses)
    : spec_(spec), factory_(factory), losses_(losses) {
  if (spec.tune.axes.empty()) return;
  const auto tuned = budgets_named(spec.tune.at, spec.budget.flops, spec.file + ": tune.at");
  for (const FamilySpec& family : spec.families) {
    if (!tunes(family)) continue;
    if (family.data_ratio > 0)
      throw ConfigError(
          fmt::format("{}:{}: family '{}': data_ratio: cannot be tuned, there is no budget to tune at",
                      spec.file, family.line, family.name));
    for (const size_t index : tuned) searches_.push_back(make_search(family, index, sizing));
  }
  replay_all();
}

bool Tuner::tunes_lr(const FamilySpec& family) const { return has_axis(spec_, "lr") && !family.lr; }

bool Tuner::tunes_batch(const FamilySpec& family) const {
  return has_axis(spec_, "batch") && !family.batch_bytes && family.batch_sequences.empty();
}

Tuner::Search Tuner::make_search(const FamilySpec& family, size_t budget_index, Sizing& sizing) {
  const auto sizes = sizing.at(family, budget_index);
  const auto& [size_index, model] = sizes[(sizes.size() - 1) / 2];
  Search search;
  search.family = &family;
  search.base = factory_.for_budget(family, model, spec_.budget.flops[budget_index],
                                    {spec_.seeds_init.front(), spec_.seeds_data.front()});
  search.base.role = CellRole::Tune;
  search.base.size_index = size_index;
  if (search.base.epochs > spec_.data.max_epochs)
    throw ConfigError(
        fmt::format("{}:{}: family '{}': tuning at {} would read {}, more than {:g}: "
                    "tune.at a smaller budget, or more text",
                    spec_.file, family.line, family.name, human_flops(spec_.budget.flops[budget_index]),
                    most_repeated(search.base), spec_.data.max_epochs));
  search.start_lr =
      family.lr.value_or(spec_.tune.start_lr.value_or(nearest_power_of_two(search.base.law_lr)));
  if (!family.batch_sequences.empty()) {
    search.start_windows = family.batch_sequences[static_cast<size_t>(size_index)];
  } else if (const auto bytes = family.batch_bytes ? family.batch_bytes : spec_.tune.start_batch_bytes) {
    search.start_windows = factory_.windows_for_bytes(search.base, *bytes);
  } else {
    const double most = static_cast<double>(search.base.run.horizon.windows) * kLargestStartShare;
    const double law =
        static_cast<double>(factory_.windows_for_units(search.base, search.base.law_batch_units));
    search.start_windows = static_cast<int64_t>(nearest_power_of_two(std::max(1.0, std::min(law, most))));
  }
  search.point.budget_flops = spec_.budget.flops[budget_index];
  return search;
}

Cell Tuner::trial_cell(const Search& search, const Trial& trial) {
  Cell cell = search.base;
  const double lr = rounded(search.start_lr * std::exp2(trial.lr_steps));
  const int64_t windows = scaled_windows(search.start_windows, std::exp2(trial.batch_steps));
  factory_.finish(cell, *search.family, {lr, windows, "trial", false});
  return cell;
}

void Tuner::replay(Search& search, int64_t pad_to) {
  const auto min_batch_steps =
      -static_cast<int>(std::floor(std::log2(static_cast<double>(search.start_windows))));
  std::vector<Trial> done;
  std::vector<double> loss;
  TunedPoint& point = search.point;
  point = {point.budget_flops, rounded(search.start_lr), search.start_windows, false, false, {}, 0};
  for (;;) {
    const TuningState state = next_trials(done, loss, tunes_lr(*search.family), tunes_batch(*search.family),
                                          spec_.tune.max_trials, pad_to, min_batch_steps);
    point.interior = state.interior;
    point.finished = state.next.empty();
    if (!done.empty()) {
      const Cell best = trial_cell(search, state.best);
      point.lr = best.run.optim.lr;
      point.batch_windows = best.run.horizon.batch_windows;
    }
    bool all_known = true;
    for (const Trial& trial : state.next) {
      point.trials.push_back(trial_cell(search, trial));
      const std::string& key = point.trials.back().key;
      const std::optional<double> known = key.empty() ? std::nullopt : losses_(key);
      all_known = all_known && known;
      if (!known) continue;
      done.push_back(trial);
      loss.push_back(*known);
    }
    point.n_done = static_cast<int64_t>(done.size());
    if (state.next.empty() || !all_known) return;
  }
}

/// Until every search ended with the same number of trials, or ran into max_trials: whoever needs most sets
/// the effort.
void Tuner::replay_all() {
  int64_t effort = 0;
  for (;;) {
    complete_ = true;
    int64_t most = 0;
    for (Search& search : searches_) {
      replay(search, effort);
      complete_ = complete_ && search.point.finished;
      most = std::max(most, search.point.n_done);
    }
    if (!complete_ || most <= effort) return;
    effort = most;
  }
}

std::vector<Cell> Tuner::trials() const {
  std::vector<Cell> cells;
  for (const Search& search : searches_)
    cells.insert(cells.end(), search.point.trials.begin(), search.point.trials.end());
  return cells;
}

std::vector<std::string> Tuner::notes() const {
  std::vector<std::string> notes;
  for (const Search& search : searches_) {
    const TunedPoint& p = search.point;
    if (p.n_done == 0) continue;
    const char* standing = !p.finished  ? "not finished"
                           : p.interior ? "interior"
                                        : "not interior: at the edge of what was tried";
    notes.push_back(fmt::format("{} tuned at {}: lr {:g}, {} windows a step after {} trials ({})",
                                search.family->name, human_flops(p.budget_flops), p.lr, p.batch_windows,
                                p.n_done, standing));
  }
  return notes;
}

std::vector<const Tuner::Search*> Tuner::searches_of(const FamilySpec& family) const {
  std::vector<const Search*> found;
  for (const Search& search : searches_)
    if (search.family->name == family.name) found.push_back(&search);
  return found;
}

Tuner::Carried Tuner::carry(const FamilySpec& family, double budget_flops) const {
  const auto searches = searches_of(family);
  require(!searches.empty(), "carry: the family is not tuned");
  // the tuned budgets around this one; the same one twice at a tuned budget or beyond the ends
  const TunedPoint* below = &searches.front()->point;
  const TunedPoint* above = &searches.back()->point;
  for (const Search* search : searches) {
    const TunedPoint& p = search->point;
    if (p.budget_flops <= budget_flops) below = &p;
  }
  for (auto it = searches.rbegin(); it != searches.rend(); ++it) {
    const TunedPoint& p = (*it)->point;
    if (p.budget_flops >= budget_flops) above = &p;
  }
  if (above->budget_flops < budget_flops) above = below;
  if (below->budget_flops > budget_flops) below = above;

  double lr = below->lr, windows = static_cast<double>(below->batch_windows);
  std::string source = fmt::format("tuned at {}", human_flops(below->budget_flops));
  if (below != above) {
    lr = interpolate(budget_flops, below->budget_flops, below->lr, above->budget_flops, above->lr);
    windows = interpolate(budget_flops, below->budget_flops, windows, above->budget_flops,
                          static_cast<double>(above->batch_windows));
    source = fmt::format("tuned at {} and {}, interpolated", human_flops(below->budget_flops),
                         human_flops(above->budget_flops));
  } else if (below->budget_flops != budget_flops) {
    const HyperLaw law = paper_law(family.kind);
    const double factor = budget_flops / below->budget_flops;
    lr *= std::pow(factor, law.lr.exponent);
    windows *= std::pow(factor, law.batch_units.exponent);
    source += ", carried by the paper law's exponents";
  }
  Carried carried{std::nullopt, std::nullopt, source, !complete_};
  if (tunes_lr(family)) carried.lr = rounded(lr);
  if (tunes_batch(family)) carried.batch_windows = std::max<int64_t>(1, std::llround(windows));
  return carried;
}

}  // namespace aunet
