#include "sweep/tuner.h"

#include "core/error.h"
#include "core/text.h"
#include "sweep/budgets_named.h"
#include "sweep/repetition.h"
#include "sweep/vertex.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

namespace aunet {

namespace {

/// A start that a law gives holds at most this share of the run: the laws come from 1e19 FLOPs and ask for
/// batches that leave a small run a handful of steps.
constexpr double kLargestStartShare = 1.0 / 32;
constexpr double kByteWidthStep = 0.5;  // octaves, sweep/tuned_model.h
constexpr int64_t kVocabMultiple = 16;  // a vertex between two vocabularies is rounded to it
constexpr int64_t kSmallestVocab = 258;

/// Power of two nearest in ratio: starts on a grid of their own, so that a changed grid of sizes keeps its
/// trials.
double nearest_power_of_two(double value) { return std::exp2(std::round(std::log2(value))); }

int64_t scaled_windows(int64_t windows, double factor) {
  return std::max<int64_t>(1, std::llround(static_cast<double>(windows) * factor));
}

int64_t vocab_of(const Cell& cell) { return std::get<TransformerConfig>(cell.run.model).tokenizer.vocab; }

RanTrial ran_trial(const Cell& cell, const Trial& steps, double loss, const ModelSetting& setting) {
  RanTrial trial;
  trial.key = cell.key;
  trial.steps = steps;
  trial.loss_bpb = loss;
  trial.size_index = cell.size_index;
  trial.setting = setting;
  trial.lr = cell.run.optim.lr;
  trial.weight_decay = cell.run.optim.weight_decay;
  trial.batch_windows = cell.run.horizon.batch_windows;
  if (const auto* aunet = std::get_if<AunetConfig>(&cell.run.model)) {
    trial.dims = aunet->dimensions;
    trial.layers = aunet->layers;
    trial.head_dims = aunet->head_dims;
  } else {
    const auto& transformer = std::get<TransformerConfig>(cell.run.model);
    trial.dims = {transformer.dim};
    trial.layers = {transformer.n_layers};
    trial.head_dims = {transformer.head_dim};
  }
  return trial;
}

/// Why a search that ended is not interior.
std::string end_of(const TuningState& state, const std::vector<double>& loss,
                   const std::vector<SearchAxis>& axes) {
  if (std::none_of(loss.begin(), loss.end(), [](double l) { return std::isfinite(l); }))
    return "every trial diverged";
  std::vector<std::string> walls;
  for (size_t i = 0; i < axes.size(); ++i) {
    const bool low = state.best[i] <= axes[i].lowest;
    if (!low && state.best[i] < axes[i].highest) continue;
    if (axes[i].name == "batch")
      walls.push_back(low ? "batch at one window" : "batch at the whole run");
    else if (axes[i].name == "split")
      walls.push_back(fmt::format("split at the {} of its list", low ? "beginning" : "end"));
    else
      walls.push_back(fmt::format("{} at the {} there is", axes[i].name, low ? "smallest" : "largest"));
  }
  return walls.empty() ? fmt::format("the best of {} trials is at the edge of what was tried", loss.size())
                       : join(walls, ", ");
}

}  // namespace

Tuner::Tuner(const SweepSpec& spec, CellFactory& factory, Matcher& matcher, const FactsProvider& facts,
             const LossLookup& losses, const TuningLock* lock)
    : spec_(spec), factory_(factory), matcher_(matcher), facts_(facts), losses_(losses) {
  for (const FamilySpec& family : spec.families) {
    if (family.law == "fitted" && !tunes(family))
      throw ConfigError(
          fmt::format("{}:{}: family '{}': law: expected an axis of [tune] for \"fitted\", got none",
                      spec.file, family.line, family.name));
  }
  if (spec.tune.axes.empty()) return;
  for (const std::string& axis : spec.tune.axes)
    if (is_model_axis(axis) && spec.budget.match != "flops")
      throw ConfigError(
          fmt::format("{}: tune.axes: expected no \"{}\" with budget.match = \"{}\": the models that are "
                      "matched would move",
                      spec.file, axis, spec.budget.match));
  for (const FamilySpec& family : spec.families) {
    const LockedFamily* locked =
        lock && tunes(family) && lock_problem_.empty() ? lock->find(family.name) : nullptr;
    if (locked && !take_locked(family, *locked)) results_.clear();
  }
  if (lock && lock_problem_.empty()) {
    for (const LockedFamily& locked : lock->families)
      if (!results_.contains(locked.tuned.family)) dropped_.push_back(locked);
  }
  for (const auto& [_, result] : results_)
    for (const TunedBudget& b : result.tuned.budgets)
      locked_effort_[b.budget_flops] =
          std::max(locked_effort_[b.budget_flops], static_cast<int64_t>(b.trials.size()));
  const auto tuned = budgets_named(spec.tune.at, spec.budget.flops, spec.file + ": tune.at");
  for (const FamilySpec& family : spec.families) {
    if (!tunes(family) || results_.contains(family.name)) continue;
    if (family.data_ratio > 0)
      throw ConfigError(
          fmt::format("{}:{}: family '{}': data_ratio: cannot be tuned, there is no budget to tune at",
                      spec.file, family.line, family.name));
    for (const size_t index : tuned)
      if (locked_effort_.empty() || locked_effort_.contains(spec.budget.flops[index]))
        searches_.push_back(make_search(family, index));
  }
  replay_all();
  collect();
}

const FamilySpec& Tuner::variant(const FamilySpec& family, const ModelSetting& setting) {
  if (setting == ModelSetting{}) return family;
  const std::string name = family.name + "|" + setting.text();
  const auto found = variants_.find(name);
  if (found != variants_.end()) return found->second;
  return variants_.emplace(name, with_model(family, setting, spec_, facts_)).first->second;
}

int64_t Tuner::max_trials() const {
  return spec_.tune.max_trials > 0 ? spec_.tune.max_trials : default_max_trials(spec_.tune.axes.size());
}

/// The middle size of a family (as moved) at a budget, without rate and batch.
const Cell& Tuner::base_cell(const FamilySpec& family, size_t budget_index) {
  const std::string name = fmt::format("{}|{}|{}", family.name, family.variant, budget_index);
  const auto found = bases_.find(name);
  if (found != bases_.end()) return found->second;
  const auto sizes = matcher_.sizes(family, budget_index);
  const auto& [size_index, model] = sizes[(sizes.size() - 1) / 2];
  Cell cell = matcher_.cell(family, budget_index, size_index, model,
                            {spec_.seeds_init.front(), spec_.seeds_data.front()});
  cell.role = CellRole::Tune;
  cell.size_index = size_index;
  if (cell.epochs > spec_.data.max_epochs)
    throw ConfigError(
        fmt::format("{}:{}: family '{}': tuning at {} would read {}, more than {:g}: "
                    "tune.at a smaller budget, or more text",
                    spec_.file, family.line, family.name, human_flops(spec_.budget.flops[budget_index]),
                    most_repeated(cell), spec_.data.max_epochs));
  return bases_.emplace(name, std::move(cell)).first->second;
}

Tuner::Search Tuner::make_search(const FamilySpec& family, size_t budget_index) {
  Search search;
  search.family = &family;
  search.budget_index = budget_index;
  const Cell& base = base_cell(family, budget_index);
  search.start_lr = family.lr.value_or(spec_.tune.start_lr.value_or(nearest_power_of_two(base.law_lr)));
  const double all = static_cast<double>(base.run.horizon.windows);
  if (!family.batch_sequences.empty()) {
    search.start_windows = family.batch_sequences[static_cast<size_t>(base.size_index)];
  } else if (const auto bytes = family.batch_bytes ? family.batch_bytes : spec_.tune.start_batch_bytes) {
    search.start_windows = factory_.windows_for_bytes(base, *bytes);
  } else {
    const double law = static_cast<double>(factory_.windows_for_units(base, base.law_batch_units));
    search.start_windows =
        static_cast<int64_t>(nearest_power_of_two(std::max(1.0, std::min(law, all * kLargestStartShare))));
  }
  for (const std::string& name : axes_of(spec_, family)) {
    if (is_model_axis(name)) {
      search.axes.push_back(model_axis(name, family, base.run.model));
      continue;
    }
    SearchAxis& axis = search.axes.emplace_back();
    axis.name = name;
    if (name != "batch") continue;
    const auto start = static_cast<double>(search.start_windows);
    axis.lowest = -static_cast<int>(std::floor(std::log2(start)));
    axis.highest = std::max(0, static_cast<int>(std::floor(std::log2(all / start))));
  }
  search.best.budget_flops = spec_.budget.flops[budget_index];
  return search;
}

ModelSetting Tuner::setting_of(const Search& search, const Trial& trial) const {
  ModelSetting setting;
  for (size_t i = 0; i < trial.size(); ++i)
    if (is_model_axis(search.axes[i].name))
      move_model(search.axes[i].name, trial[i], *search.family, setting);
  return setting;
}

Cell Tuner::trial_cell(const Search& search, const Trial& trial) {
  const FamilySpec& moved = variant(*search.family, setting_of(search, trial));
  Cell cell = base_cell(moved, search.budget_index);
  Hyper hyper{search.start_lr, search.start_windows, "trial", false};
  for (size_t i = 0; i < trial.size(); ++i) {
    const double factor = std::exp2(trial[i]);
    if (search.axes[i].name == "lr") hyper.lr = search.start_lr * factor;
    if (search.axes[i].name == "batch") hyper.batch_windows = scaled_windows(search.start_windows, factor);
    if (search.axes[i].name == "weight_decay")
      hyper.weight_decay = rounded(spec_.optim.weight_decay * factor);
  }
  hyper.lr = rounded(hyper.lr);
  hyper.batch_windows = std::min(hyper.batch_windows, cell.run.horizon.windows);
  factory_.finish(cell, moved, hyper);
  return cell;
}

/// Replays one search as far as losses are known, at most `most` trials.
void Tuner::replay(Search& search, int64_t pad_to, int64_t most) {
  std::vector<Trial> done;
  std::vector<double> loss;
  search.trials.clear();
  for (;;) {
    const TuningState state = next_trials(done, loss, search.axes, most, pad_to);
    search.finished = state.next.empty();
    search.n_done = static_cast<int64_t>(done.size());
    bool all_known = true;
    std::vector<Trial> finished = done;
    for (const Trial& trial : state.next) {
      search.trials.push_back(trial_cell(search, trial));
      const std::string& key = search.trials.back().key;
      const std::optional<double> known = key.empty() ? std::nullopt : losses_(key);
      all_known = all_known && known;
      if (!known) continue;
      finished.push_back(trial);
      loss.push_back(*known);
    }
    if (search.finished || !all_known) {
      loss.resize(done.size());  // a round counts when it is whole: the vertex must not move with every run
      search.n_done = static_cast<int64_t>(finished.size());
      conclude(search, done, loss, state);
      return;
    }
    done = std::move(finished);
  }
}

/// The optimum of what has run, at the vertex between the trials.
void Tuner::conclude(Search& search, const std::vector<Trial>& done, const std::vector<double>& loss,
                     const TuningState& state) {
  TunedBudget& tuned = search.best;
  const size_t n_axes = search.axes.size();
  std::vector<TrialPoint> points;
  size_t best = 0;
  tuned.trials.clear();
  for (size_t i = 0; i < done.size(); ++i) {
    const Cell cell = trial_cell(search, done[i]);
    tuned.trials.push_back(ran_trial(cell, done[i], loss[i], setting_of(search, done[i])));
    if (done[i] == state.best) best = points.size();
    TrialPoint point{std::vector<double>(done[i].begin(), done[i].end()), loss[i]};
    for (size_t axis = 0; axis < n_axes; ++axis) {  // where rounding moved it
      if (search.axes[axis].name == "batch")
        point.at[axis] = std::log2(static_cast<double>(cell.run.horizon.batch_windows) /
                                   static_cast<double>(search.start_windows));
      if (search.axes[axis].name == "vocab")
        point.at[axis] =
            std::log2(static_cast<double>(vocab_of(cell)) /
                      static_cast<double>(vocab_of(base_cell(*search.family, search.budget_index))));
    }
    points.push_back(std::move(point));
  }
  std::vector<double> vertex(n_axes, 0);
  if (!done.empty() && std::isfinite(loss[best])) {
    std::vector<bool> free;
    for (const SearchAxis& axis : search.axes) free.push_back(axis.ordered);
    vertex = vertex_around(points, best, free);
  }
  const Cell at = trial_cell(search, state.best);
  tuned.lr = at.run.optim.lr;
  tuned.batch_windows = static_cast<double>(at.run.horizon.batch_windows);
  tuned.weight_decay = at.run.optim.weight_decay;
  tuned.model = setting_of(search, state.best);
  for (size_t axis = 0; axis < n_axes; ++axis) {
    const std::string& name = search.axes[axis].name;
    if (vertex[axis] == 0) continue;
    const double factor = std::exp2(vertex[axis]);
    if (name == "lr") tuned.lr *= factor;
    if (name == "batch") tuned.batch_windows = std::max(1.0, tuned.batch_windows * factor);
    if (name == "weight_decay") tuned.weight_decay *= factor;
    if (name == "vocab") {
      const double vocab = static_cast<double>(vocab_of(at)) * factor / kVocabMultiple;
      tuned.model.vocab = std::max<int64_t>(kSmallestVocab, kVocabMultiple * std::llround(vocab));
    }
    if (name == "byte_width")
      tuned.model.byte_width = std::strtod(
          fmt::format("{:.4g}", tuned.model.byte_width * std::exp2(kByteWidthStep * vertex[axis])).c_str(),
          nullptr);
  }
  tuned.interior = state.interior;
  tuned.ends = state.interior ? "" : !search.finished ? "not finished" : end_of(state, loss, search.axes);
}

/// Until, at every budget, all searches ended with the same number of trials or ran into the limit: whoever
/// needs most sets the effort. Under a lock, its effort is both the aim and the limit.
void Tuner::replay_all() {
  std::map<double, int64_t> effort = locked_effort_;
  for (;;) {
    complete_ = true;
    std::map<double, int64_t> most = effort;
    for (Search& search : searches_) {
      const double budget = search.best.budget_flops;
      const int64_t limit = locked_effort_.empty() ? max_trials() : locked_effort_.at(budget);
      replay(search, effort[budget], limit);
      complete_ = complete_ && search.finished;
      most[budget] = std::max(most[budget], search.n_done);
    }
    if (!complete_ || most == effort) return;
    effort = most;
  }
}

std::string Tuner::law_of(const FamilySpec& family, size_t n_budgets) const {
  const std::string& asked = family.law.empty() ? spec_.tune.law : family.law;
  if (asked == "fitted" && n_budgets < 2)
    throw ConfigError(
        fmt::format("{}:{}: family '{}': law: expected two tuned budgets or more for \"fitted\", got {}",
                    spec_.file, family.line, family.name, n_budgets));
  return asked.empty() ? (n_budgets >= 2 ? "fitted" : "paper") : asked;
}

void Tuner::collect() {
  for (const FamilySpec& family : spec_.families) {
    if (!tunes(family) || results_.contains(family.name)) continue;
    TunedFamily& tuned = results_[family.name].tuned;
    tuned.family = family.name;
    tuned.axes = axes_of(spec_, family);
    tuned.seeds = {spec_.seeds_init.front(), spec_.seeds_data.front()};
    for (const Search& search : searches_)
      if (search.family->name == family.name) tuned.budgets.push_back(search.best);
    tuned.law = law_of(family, tuned.budgets.size());
    fit_laws(tuned, family.kind);
  }
}

std::vector<Cell> Tuner::trials() const {
  std::vector<Cell> cells;
  for (const FamilySpec& family : spec_.families) {
    const auto result = results_.find(family.name);
    if (result != results_.end())
      cells.insert(cells.end(), result->second.locked_trials.begin(), result->second.locked_trials.end());
    for (const Search& search : searches_)
      if (search.family->name == family.name)
        cells.insert(cells.end(), search.trials.begin(), search.trials.end());
  }
  return cells;
}

std::vector<std::string> Tuner::notes() const {
  std::vector<std::string> notes;
  if (!lock_problem_.empty()) notes.push_back(lock_problem_);
  std::map<double, std::set<size_t>> effort;
  for (const FamilySpec& family : spec_.families) {
    const auto found = results_.find(family.name);
    if (found == results_.end()) continue;
    const auto& [tuned, locked, _] = found->second;
    for (const TunedBudget& b : tuned.budgets) effort[b.budget_flops].insert(b.trials.size());
    if (tuned.budgets.empty() || tuned.budgets.front().trials.empty()) continue;
    for (const std::string& line : describe(tuned)) notes.push_back(line + (locked ? ", locked" : ""));
  }
  for (const auto& [budget, counts] : effort)
    if (complete_ && counts.size() > 1)
      notes.push_back(
          fmt::format("tuning at {} is unequal: {} to {} trials, because a family has no further "
                      "points to try",
                      human_flops(budget), *counts.begin(), *counts.rbegin()));
  if (!locked_effort_.empty())
    for (const size_t index : budgets_named(spec_.tune.at, spec_.budget.flops, spec_.file + ": tune.at"))
      if (!locked_effort_.contains(spec_.budget.flops[index]))
        notes.push_back(
            fmt::format("tune.at: {} is not among the budgets that the lock was tuned at: --relock "
                        "tunes it and changes the tuned cells",
                        human_flops(spec_.budget.flops[index])));
  return notes;
}

Carried Tuner::carry(const FamilySpec& family, double budget_flops) const {
  const auto found = results_.find(family.name);
  require(found != results_.end(), "carry: the family is not tuned");
  return aunet::carry(found->second.tuned, budget_flops);
}

const FamilySpec& Tuner::tuned_model(const FamilySpec& family, double budget_flops) {
  return tunes(family) ? variant(family, carry(family, budget_flops).model) : family;
}

}  // namespace aunet
