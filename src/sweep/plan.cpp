#include "sweep/plan.h"

#include "config/schedule.h"
#include "budget/laws.h"
#include "core/error.h"
#include "core/text.h"
#include "sweep/budgets_named.h"
#include "sweep/cell_factory.h"
#include "sweep/declared.h"
#include "sweep/exclude.h"
#include "sweep/ladder.h"
#include "sweep/match.h"
#include "sweep/override.h"
#include "sweep/repetition.h"
#include "sweep/run_tree.h"
#include "sweep/sizing.h"
#include "sweep/tuner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

namespace aunet {

namespace {

/// Below this the published laws are far outside the runs they were fitted to and are used only when asked
/// for (DESIGN section 4, "Tuning is part of the comparison").
constexpr double kLawByDefaultFrom = 1e18;

/// Compute of a run tree's largest budget over its smallest, above which one rate and one batch for all of
/// them is a handicap worth a warning: over a factor 10 the paper's laws move the rate by 1.5 and the batch
/// by 2.
constexpr double kWidestTree = 10;

[[noreturn]] void fail(const SweepSpec& spec, const FamilySpec& family, const std::string& message) {
  throw ConfigError(fmt::format("{}:{}: family '{}': {}", spec.file, family.line, family.name, message));
}

/// A law used more than this many times outside the compute that it was fitted on is a guess.
constexpr double kLawReach = 10;

void warn_when_far(Hyper& hyper, double flops, double from, double to) {
  if (flops >= from / kLawReach && flops <= to * kLawReach) return;
  const std::string warning =
      fmt::format("a law fitted at {} FLOPs is used more than {:g} times outside of them",
                  from == to ? human_flops(from) : human_flops(from) + " to " + human_flops(to), kLawReach);
  if (std::find(hyper.warnings.begin(), hyper.warnings.end(), warning) == hyper.warnings.end())
    hyper.warnings.push_back(warning);
}

SweepSpec with_known_vocabularies(SweepSpec spec, const FactsProvider& facts) {
  for (FamilySpec& family : spec.families) fill_vocabulary(family, spec, facts);
  return spec;
}

class Planner {
 public:
  Planner(const SweepSpec& spec, const FactsProvider& facts, const LossLookup& losses, const TuningLock* lock)
      : facts_(facts),
        spec_(with_known_vocabularies(spec, facts_)),
        factory_(spec_, facts_),
        sizing_(spec_,
                [this](const FamilySpec& f, const ModelConfig& m) { return factory_.cost_per_byte(f, m); }),
        matcher_(spec_, factory_, sizing_),
        tuner_(spec_, factory_, matcher_, facts_, losses, lock),
        overrides_(spec_) {
    for (const ExcludeSpec& rule : spec_.exclude) rules_.push_back(compile_exclude(rule, spec_.file));
  }

  Plan plan() {
    Plan plan;
    plan.sweep = spec_.name;
    plan.claims = spec_.claims;
    plan.tuning_complete = tuner_.complete();
    plan.cells = tuner_.trials();
    plan.notes = tuner_.notes();
    plan.lock_problem = tuner_.lock_problem();
    if (!plan.cells.empty() && tuner_.complete()) plan.lock_text = to_toml(tuner_.lock());
    for (const FamilySpec& family : spec_.families) add_grid(plan, family);
    for (const FamilySpec& family : spec_.families) add_replicates(plan, family);
    for (const std::string& line : overrides_.unused()) plan.notes.push_back(line);
    if (spec_.branches) link_trees(plan);
    return plan;
  }

 private:
  void add_grid(Plan& plan, const FamilySpec& family) {
    for (const uint64_t init : spec_.seeds_init)
      for (const uint64_t data : spec_.seeds_data) add_seed(plan, family, {init, data});
  }

  void add_seed(Plan& plan, const FamilySpec& family, SeedConfig seeds) {
    if (family.data_ratio > 0) {
      const auto models = sizing_.explicit_sizes(family);
      for (size_t i = 0; i < models.size(); ++i)
        add_cell(plan, family, factory_.for_data_ratio(family, models[i], seeds), static_cast<int64_t>(i),
                 CellRole::Grid);
      return;
    }
    for (size_t budget = 0; budget < spec_.budget.flops.size(); ++budget)
      add_budget(plan, family, budget, seeds, CellRole::Grid);
  }

  void add_budget(Plan& plan, const FamilySpec& family, size_t budget, SeedConfig seeds, CellRole role) {
    const FamilySpec& tuned = tuner_.tuned_model(family, spec_.budget.flops[budget]);
    for (const auto& [size_index, model] : matcher_.sizes(tuned, budget))
      add_cell(plan, tuned, matcher_.cell(tuned, budget, size_index, model, seeds), size_index, role,
               spec_.branches ? &model : nullptr);
  }

  /// Further seeds at some budgets: init and data seed both move on from the first of their lists.
  void add_replicates(Plan& plan, const FamilySpec& family) {
    if (spec_.replicates.seeds <= 1 || family.data_ratio > 0) return;
    const auto budgets =
        budgets_named(spec_.replicates.at, spec_.budget.flops, spec_.file + ": replicates.at");
    for (uint64_t i = 1; i < static_cast<uint64_t>(spec_.replicates.seeds); ++i) {
      const SeedConfig seeds{spec_.seeds_init.front() + i, spec_.seeds_data.front() + i};
      const auto in = [](const std::vector<uint64_t>& list, uint64_t seed) {
        return std::find(list.begin(), list.end(), seed) != list.end();
      };
      if (in(spec_.seeds_init, seeds.init) && in(spec_.seeds_data, seeds.data))
        continue;  // the grid has it already
      for (const size_t budget : budgets) add_budget(plan, family, budget, seeds, CellRole::Replicate);
    }
  }

  /// `of_tree`: the size, when its budgets share rate, batch and warm-up.
  void add_cell(Plan& plan, const FamilySpec& family, Cell cell, int64_t size_index, CellRole role,
                const ModelConfig* of_tree = nullptr) {
    cell.role = role;
    cell.size_index = size_index;
    factory_.finish(cell, family, of_tree ? tree_hyper(family, cell, *of_tree) : hyper(family, cell));
    cell = overrides_.apply(std::move(cell), family, factory_, plan.excluded);
    const std::string reason = reason_to_exclude(cell);
    if (reason.empty())
      plan.cells.push_back(std::move(cell));
    else
      plan.excluded.push_back({std::move(cell), reason});
  }

  Hyper hyper(const FamilySpec& family, const Cell& cell) const {
    Hyper hyper;
    if (tuner_.tunes(family)) {
      const Carried carried = tuner_.carry(family, cell.budget_flops);
      hyper.lr = carried.lr.value_or(0);
      hyper.batch_windows = carried.batch_windows.value_or(0);
      hyper.weight_decay = carried.weight_decay;
      hyper.source = carried.source;
      hyper.provisional = !tuner_.complete();
      hyper.warnings = carried.warnings;
      warn_when_far(hyper, cell.budget_flops, carried.from, carried.to);
    }
    if (hyper.lr == 0) {
      const auto given = family.lr ? family.lr : spec_.tune.start_lr;  // a start without an axis is the value
      if (!given) demand_law(family, cell, "lr");
      hyper.lr = given ? *given : rounded(cell.law_lr);
      if (!given) warn_beyond_paper(hyper, family, cell);
      const std::string source = given ? "given" : "law paper";
      hyper.source = hyper.source.empty() ? source : source + "; batch " + hyper.source;
    }
    if (hyper.batch_windows == 0) {
      if (batch_by_law(family)) warn_beyond_paper(hyper, family, cell);
      hyper.batch_windows = given_batch(family, cell);
    }
    // a carried batch may be more than a short run holds
    hyper.batch_windows = std::min(hyper.batch_windows, cell.run.horizon.windows);
    return hyper;
  }

  bool batch_by_law(const FamilySpec& family) const {
    return family.batch_sequences.empty() && !family.batch_bytes && !spec_.tune.start_batch_bytes;
  }

  static void warn_beyond_paper(Hyper& hyper, const FamilySpec& family, const Cell& cell) {
    const HyperLaw law = paper_law(family.kind);
    warn_when_far(hyper, cell.flops_paper.total(), law.fitted_from, law.fitted_to);
  }

  int64_t given_batch(const FamilySpec& family, const Cell& cell) const {
    if (!family.batch_sequences.empty()) {
      const auto index = static_cast<size_t>(cell.size_index);
      if (index >= family.batch_sequences.size())
        fail(spec_, family,
             fmt::format("batch_sequences: expected one value per size, got {}",
                         family.batch_sequences.size()));
      return family.batch_sequences[index];
    }
    const auto given = family.batch_bytes ? family.batch_bytes : spec_.tune.start_batch_bytes;
    if (given) return factory_.windows_for_bytes(cell, *given);
    demand_law(family, cell, "batch_bytes");
    return factory_.windows_for_units(cell, cell.law_batch_units);
  }

  void demand_law(const FamilySpec& family, const Cell& cell, const char* key) const {
    if (family.law == "paper" || cell.budget_flops >= kLawByDefaultFrom) return;
    fail(spec_, family,
         fmt::format("{}: expected a number, law = \"paper\" or a [tune] axis: the paper's laws are no "
                     "default below {}, this budget is {}",
                     key, human_flops(kLawByDefaultFrom), human_flops(cell.budget_flops)));
  }

  /// Rate, batch and warm-up of a run tree are those of its smallest budget, so that a larger one changes no
  /// old cell: of the first budget that has this size, whatever rules exclude.
  Hyper tree_hyper(const FamilySpec& family, const Cell& cell, const ModelConfig& model) {
    for (size_t budget = 0; spec_.budget.flops[budget] < cell.budget_flops; ++budget) {
      for (const auto& [size_index, other] : matcher_.sizes(family, budget)) {
        if (!(other == model)) continue;
        const auto [known, is_new] = tree_hypers_.try_emplace(
            {family.name, budget, size_index, cell.run.seeds.init, cell.run.seeds.data});
        if (!is_new) return known->second;
        Cell root = matcher_.cell(family, budget, size_index, model, cell.run.seeds);
        root.size_index = size_index;
        Hyper of_root = hyper(family, root);
        factory_.finish(root, family, of_root);
        of_root.warmup_steps = root.run.schedule.warmup_steps;
        of_root.source += fmt::format("; tree of {}", human_flops(root.budget_flops));
        return known->second = of_root;
      }
    }
    return hyper(family, cell);
  }

  void link_trees(Plan& plan) {
    const auto flops = [this](const Cell& cell, int64_t steps, Convention convention) {
      const auto family = std::find_if(spec_.families.begin(), spec_.families.end(),
                                       [&](const FamilySpec& f) { return f.name == cell.family; });
      return factory_.prefix_flops(*family, cell, steps, convention);
    };
    link_run_trees(plan.cells, flops, factory_.convention());
    std::map<std::string, double> smallest;
    for (const Cell& cell : plan.cells) {
      double& budget = smallest.emplace(cell.tree, cell.budget_flops).first->second;
      budget = std::min(budget, cell.budget_flops);
    }
    for (Cell& cell : plan.cells)
      if (cell.budget_flops > kWidestTree * smallest[cell.tree])
        cell.warnings.push_back(fmt::format(
            "run tree: rate and batch are those of a budget more than {:g} times smaller", kWidestTree));
  }

  std::string reason_to_exclude(const Cell& cell) const {
    for (size_t i = 0; i < rules_.size(); ++i)
      if (rules_[i](cell)) return spec_.exclude[i].reason;
    if (cell.epochs > spec_.data.max_epochs)
      return fmt::format("reads {}, more than {:g}", most_repeated(cell), spec_.data.max_epochs);
    return "";
  }

  FactsProvider facts_;
  SweepSpec spec_;
  CellFactory factory_;
  Sizing sizing_;
  Matcher matcher_;
  Tuner tuner_;
  std::vector<CellPredicate> rules_;
  Overrides overrides_;
  using Root = std::tuple<std::string, size_t, int64_t, uint64_t, uint64_t>;  // family, budget, size, seeds
  std::map<Root, Hyper> tree_hypers_;
};

}  // namespace

std::string to_string(CellRole role) {
  switch (role) {
    case CellRole::Tune:
      return "tune";
    case CellRole::Grid:
      return "grid";
    case CellRole::Replicate:
      return "replicate";
  }
  throw BugError("unknown cell role");
}

Plan make_plan(const SweepSpec& spec, const FactsProvider& facts, const LossLookup& losses,
               const TuningLock* lock) {
  return Planner(spec, spec.data.declared ? declared_facts(spec.data) : facts, losses, lock).plan();
}

}  // namespace aunet
