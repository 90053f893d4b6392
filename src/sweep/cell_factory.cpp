#include "sweep/cell_factory.h"

#include "budget/laws.h"
#include "budget/memory.h"
#include "config/schedule.h"
#include "core/error.h"
#include "core/text.h"
#include "sweep/match.h"
#include "sweep/repetition.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace aunet {

namespace {

/// Windows of which cost_per_byte is the mean: few, so that every plan has read them.
constexpr int64_t kReferenceWindows = 64;
constexpr int64_t kFewSteps = 500;   // DESIGN issue 4: fewer make the schedule hardly one
constexpr double kLongWarmup = 0.1;  // share of the steps; longer bends exponents (arXiv 2406.19146)
constexpr int64_t kSmallBatch = 8;   // windows a step

bool counts_tokens(const FamilySpec& family) { return family.kind == "llama"; }

/// Inference FLOPs per byte when `windows` windows of text have this workload.
double inference_of(const ModelConfig& model, const Workload& work, double text_bytes, double windows) {
  std::vector<double> per_byte, context;
  for (const double rows : work.rows) {
    per_byte.push_back(rows / text_bytes);
    context.push_back(rows / windows);
  }
  return inference_flops_per_byte(model, per_byte, context);
}

}  // namespace

void fill_vocabulary(FamilySpec& family, const SweepSpec& spec, const FactsProvider& facts) {
  auto* model = std::get_if<TransformerConfig>(&family.base);
  if (model == nullptr || model->tokenizer.kind == "bytes") return;
  const int64_t vocab = facts(family, spec.seeds_data.front(), 1).vocab;
  if (vocab > 0) model->tokenizer.vocab = vocab;
  if (model->tokenizer.vocab <= 0)
    throw ConfigError(
        fmt::format("{}:{}: family '{}': tokenizer.vocab: expected the number of ids, got nothing", spec.file,
                    family.line, family.name));
  model->vocab_size = model->tokenizer.vocab + 2;
}

CellFactory::CellFactory(const SweepSpec& spec, const FactsProvider& facts)
    : spec_(spec),
      facts_(facts),
      convention_(parse_convention(spec.budget.convention, spec.file + ": budget.convention")) {}

WindowSums& CellFactory::sums(const FamilySpec& family, const ModelConfig& model, uint64_t data_seed) {
  auto& held = sums_[{family.name, family.variant, data_seed}];
  if (!held) held = std::make_unique<WindowSums>(family, data_seed, facts_, model);
  return *held;
}

double CellFactory::cost_per_byte(const FamilySpec& family, const ModelConfig& model) {
  WindowSums& windows = sums(family, model, spec_.seeds_data.front());
  windows.cover(kReferenceWindows);
  return training_flops(model, windows.work(kReferenceWindows), Convention::Useful).total() /
         windows.text_bytes(kReferenceWindows);
}

double CellFactory::inference_per_byte(const FamilySpec& family, const ModelConfig& model) {
  WindowSums& windows = sums(family, model, spec_.seeds_data.front());
  windows.cover(kReferenceWindows);
  return inference_of(model, windows.work(kReferenceWindows), windows.text_bytes(kReferenceWindows),
                      kReferenceWindows);
}

void CellFactory::fill_run(Cell& cell, const FamilySpec& family, const ModelConfig& model, SeedConfig seeds) {
  const DataFacts& facts = sums(family, model, seeds.data).facts();
  cell.family = family.name;
  cell.run.model = model;
  if (auto* transformer = std::get_if<TransformerConfig>(&cell.run.model);
      transformer && counts_tokens(family)) {
    if (!facts.tokenizer_fingerprint.empty())
      transformer->tokenizer.fingerprint = facts.tokenizer_fingerprint;
    if (!facts.tokenizer_path.empty()) transformer->tokenizer.path = facts.tokenizer_path;
  }
  cell.run.data = spec_.data.data;
  if (!facts.train_fingerprint.empty()) cell.run.data.train_fingerprint = facts.train_fingerprint;
  if (!facts.heldout_fingerprint.empty()) cell.run.data.heldout_fingerprint = facts.heldout_fingerprint;
  cell.run.evals = spec_.data.evals;
  for (size_t i = 0; i < facts.eval_fingerprints.size(); ++i)
    cell.run.evals[i].fingerprint = facts.eval_fingerprints[i];
  cell.run.optim = spec_.optim;
  cell.run.schedule = spec_.schedule;
  cell.run.seeds = seeds;
  cell.run.runtime = spec_.runtime;
  cell.run.origin = {spec_.name, family.name, 0, spec_.budget.convention, 0};
}

void CellFactory::count(Cell& cell, const FamilySpec& family, const Horizon& horizon) {
  const ModelConfig& model = cell.run.model;
  const WindowSums& windows = sums(family, model, cell.run.seeds.data);
  cell.run.horizon.windows = horizon.windows;
  cell.run.horizon.last_window_bytes = horizon.last_window_bytes;
  cell.params = count_params(model);
  cell.flops_paper = training_flops(model, horizon.work, Convention::Paper);
  cell.flops_useful = training_flops(model, horizon.work, Convention::Useful);
  cell.flops_executed = training_flops(model, horizon.work, Convention::Executed);
  cell.flops_by_convention = training_flops(model, horizon.work, convention_).total();
  cell.rows = horizon.work.rows;
  cell.text_bytes = horizon.text_bytes;
  if (counts_tokens(family)) cell.tokens = horizon.work.rows[0];
  count_repetition(cell, windows, horizon);

  cell.inference_flops_per_byte =
      inference_of(model, horizon.work, cell.text_bytes, static_cast<double>(horizon.windows));
  const HyperLaw law = paper_law(family.kind);
  cell.law_lr = law.lr(cell.flops_paper.total());
  cell.law_batch_units = law.batch_units(cell.flops_paper.total());
}

Cell CellFactory::for_horizon(const FamilySpec& family, const ModelConfig& model, const Horizon& horizon,
                              double budget_flops, SeedConfig seeds) {
  Cell cell;
  fill_run(cell, family, model, seeds);
  count(cell, family, horizon);
  cell.budget_flops = budget_flops > 0 ? budget_flops : cell.flops_by_convention;
  cell.budget_error = std::abs(cell.flops_by_convention / cell.budget_flops - 1);
  cell.run.origin.budget_flops = cell.budget_flops;
  cell.run.origin.flops_planned = cell.flops_by_convention;
  return cell;
}

Cell CellFactory::for_budget(const FamilySpec& family, const ModelConfig& model, double budget_flops,
                             SeedConfig seeds) {
  WindowSums& windows = sums(family, model, seeds.data);
  const Horizon horizon =
      horizon_for_flops(model, windows, convention_, budget_flops, kPreciseShare * spec_.budget.tolerance,
                        std::max(kMaxEpochs, spec_.data.max_epochs));
  Cell cell = for_horizon(family, model, horizon, budget_flops, seeds);
  if (!horizon.extrapolated && cell.budget_error > spec_.budget.tolerance)
    throw ConfigError(fmt::format(
        "{}:{}: family '{}': expected to spend {} FLOPs within {:g} %, nearest is {} ({:.2g} % off){}",
        spec_.file, family.line, family.name, human_flops(budget_flops), 100 * spec_.budget.tolerance,
        human_flops(cell.flops_by_convention), 100 * cell.budget_error,
        windows.can_cut() ? "" : ": a run of these data cannot end inside a window"));
  return cell;
}

Cell CellFactory::for_data_ratio(const FamilySpec& family, const ModelConfig& model, SeedConfig seeds) {
  WindowSums& windows = sums(family, model, seeds.data);
  windows.cover(kReferenceWindows);
  const Workload reference = windows.work(kReferenceWindows);
  const double window_units =
      (counts_tokens(family) ? reference.rows[0] : windows.text_bytes(kReferenceWindows)) / kReferenceWindows;
  const double flops_per_unit =
      training_flops(model, reference, Convention::Paper).total() / kReferenceWindows / window_units;
  const double ratio =
      family.data_ratio * (counts_tokens(family) ? 1 : kPaperBytesPerToken * kPaperBytesPerToken);
  const int64_t n_windows = std::max<int64_t>(1, std::llround(ratio * flops_per_unit / window_units));
  Cell cell = for_horizon(family, model, horizon_of(windows, n_windows, 0), 0, seeds);
  cell.match = {"flops", cell.budget_flops, cell.flops_by_convention};
  return cell;
}

int64_t CellFactory::windows_for_units(const Cell& cell, double units) const {
  const double per_run = cell.tokens ? *cell.tokens : cell.text_bytes;
  const auto all = static_cast<double>(cell.run.horizon.windows);
  return std::llround(std::clamp(std::round(units / (per_run / all)), 1.0, all));
}

int64_t CellFactory::windows_for_bytes(const Cell& cell, double bytes) const {
  const auto all = static_cast<double>(cell.run.horizon.windows);
  return std::llround(std::clamp(std::round(bytes / (cell.text_bytes / all)), 1.0, all));
}

double CellFactory::prefix_flops(const FamilySpec& family, const Cell& cell, int64_t steps,
                                 Convention convention) {
  WindowSums& windows = sums(family, cell.run.model, cell.run.seeds.data);
  const int64_t n = std::min(steps * cell.run.horizon.batch_windows, cell.run.horizon.windows);
  windows.cover(n);
  return training_flops(cell.run.model, windows.work(n), convention).total();
}

void CellFactory::finish(Cell& cell, const FamilySpec& family, const Hyper& hyper) {
  HorizonConfig& horizon = cell.run.horizon;
  cell.run.optim.lr = hyper.lr;
  cell.run.optim.weight_decay = hyper.weight_decay.value_or(spec_.optim.weight_decay);
  cell.lr_source = hyper.source;
  cell.provisional = hyper.provisional;
  horizon.batch_windows = hyper.batch_windows;
  cell.steps = total_steps(horizon);
  if (spec_.branches) {
    cell.run.schedule.warmup_steps =
        hyper.warmup_steps >= 0 ? hyper.warmup_steps : warmup_steps(spec_.schedule, cell.steps);
    cell.run.runtime.checkpoint_pin =
        branch_step(cell.run);  // also of the longest: a longer budget may follow
  }
  const double share = static_cast<double>(horizon.batch_windows) / static_cast<double>(horizon.windows);
  cell.batch_bytes = cell.text_bytes * share;
  cell.batch_units = cell.tokens ? *cell.tokens * share : cell.batch_bytes;
  std::vector<double> micro_rows;
  for (const double rows : cell.rows)
    micro_rows.push_back(rows * share / static_cast<double>(horizon.accumulation));
  cell.memory_bytes = training_memory(cell.run.model, micro_rows).total();

  const bool declared = sums(family, cell.run.model, cell.run.seeds.data).facts().declared;
  cell.key = declared ? "" : train_key(cell.run);
  cell.warnings = hyper.warnings;
  const ScheduleConfig& schedule = cell.run.schedule;
  const double warmup = schedule.kind == "wsd" && schedule.warmup_steps >= 0
                            ? static_cast<double>(schedule.warmup_steps) / static_cast<double>(cell.steps)
                            : schedule.warmup;
  if (warmup > kLongWarmup + 1e-9) cell.warnings.push_back("warm-up above 10 % of the steps");
  if (horizon.batch_windows < kSmallBatch)
    cell.warnings.push_back(fmt::format("fewer than {} sequences a step", kSmallBatch));
  if (cell.steps < kFewSteps) cell.warnings.push_back(fmt::format("fewer than {} steps", kFewSteps));
  if (cell.repeated())
    cell.warnings.push_back(
        fmt::format("repeated: reads a source more than {:g} times; kept out of fits unless "
                    "--include-repeated",
                    kMaxEpochs));
  else if (cell.epochs > 1)
    cell.warnings.push_back("reads a source more than once");
  warn_of_mismatch(cell);
  if (!declared && !sums(family, cell.run.model, cell.run.seeds.data).can_cut() && cell.match.error() > 0)
    cell.warnings.push_back("ends at a whole window: these data cannot be cut inside one");
}

}  // namespace aunet
