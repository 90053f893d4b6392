#include "analysis/cells.h"

#include "core/error.h"
#include "core/log.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <tuple>

namespace aunet {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

/// "" or why a row that the database lets into fits still lacks what a cell needs.
std::string missing_value(const FinalRow& row) {
  if (!row.budget_flops) return "no budget: not a cell of a grid";
  if (!row.loss_bpb || !std::isfinite(*row.loss_bpb) || *row.loss_bpb <= 0) return "no held-out loss";
  if (!row.flops_useful || *row.flops_useful <= 0) return "no accounted FLOPs";
  if (!row.bytes || *row.bytes <= 0) return "no training bytes";
  return "";
}

SizeCell average(std::vector<FinalRow> rows) {
  SizeCell cell;
  const double n = double(rows.size());
  cell.budget = *rows[0].budget_flops;
  cell.dims = rows[0].dims;
  cell.layers = rows[0].layers;
  cell.n_seeds = int64_t(rows.size());
  cell.seconds = 0;
  for (const FinalRow& row : rows) {
    cell.loss_bpb += *row.loss_bpb / n;
    cell.flops_useful += *row.flops_useful / n;
    cell.flops_paper += row.flops_paper.value_or(kMissing) / n;
    cell.flops_executed += row.flops_executed.value_or(kMissing) / n;
    cell.bytes += *row.bytes / n;
    if (cell.seconds && row.train_seconds)
      *cell.seconds += *row.train_seconds / n;
    else
      cell.seconds.reset();
  }
  cell.flops_per_byte = cell.flops_useful / cell.bytes;
  cell.rows = std::move(rows);
  return cell;
}

SeedNoise pooled_noise(const std::vector<FamilyCells>& families) {
  double squares = 0, freedom = 0;
  for (const FamilyCells& family : families) {
    for (const SizeCell& cell : family.cells) {
      if (cell.n_seeds < 2) continue;
      double mean = 0;
      for (const FinalRow& row : cell.rows) mean += std::log(*row.loss_bpb) / double(cell.n_seeds);
      for (const FinalRow& row : cell.rows) squares += std::pow(std::log(*row.loss_bpb) - mean, 2);
      freedom += double(cell.n_seeds - 1);
    }
  }
  if (freedom == 0) return kSeedNoisePrior;
  return {.sd = std::sqrt(squares / freedom), .freedom = freedom, .assumed = false};
}

}  // namespace

Cost parse_cost(const std::string& name) {
  if (name == "useful") return Cost::Useful;
  if (name == "paper") return Cost::Paper;
  if (name == "executed") return Cost::Executed;
  if (name == "seconds") return Cost::Seconds;
  throw ConfigError(fmt::format("--convention: expected useful, paper, executed or seconds, got '{}'", name));
}

std::string to_string(Cost cost) {
  switch (cost) {
    case Cost::Useful:
      return "useful";
    case Cost::Paper:
      return "paper";
    case Cost::Executed:
      return "executed";
    case Cost::Seconds:
      return "seconds";
  }
  return "";
}

double SizeCell::cost(Cost kind) const {
  switch (kind) {
    case Cost::Useful:
      return flops_useful;
    case Cost::Paper:
      return flops_paper;
    case Cost::Executed:
      return flops_executed;
    case Cost::Seconds:
      return seconds.value_or(kMissing);
  }
  return kMissing;
}

double SeedNoise::difference_bar(const SizeCell& a, const SizeCell& b) const {
  return 2 * sd * std::sqrt(1 / double(a.n_seeds) + 1 / double(b.n_seeds));
}

std::vector<double> FamilyCells::budgets() const {
  std::set<double> seen;
  for (const SizeCell& cell : cells) seen.insert(cell.budget);
  return {seen.begin(), seen.end()};
}

int64_t FamilyCells::n_runs() const {
  int64_t n = 0;
  for (const SizeCell& cell : cells) n += int64_t(cell.rows.size());
  return n;
}

int64_t FamilyCells::n_trees() const {
  std::set<std::string> trees;
  for (const SizeCell& cell : cells)
    for (const FinalRow& row : cell.rows) trees.insert(row.tree.empty() ? row.key : row.tree);
  return int64_t(trees.size());
}

std::vector<const SizeCell*> FamilyCells::at(double budget) const {
  std::vector<const SizeCell*> found;
  for (const SizeCell& cell : cells) {
    if (cell.budget == budget) found.push_back(&cell);
  }
  return found;
}

const FamilyCells& SweepCells::family(const std::string& name) const {
  std::vector<std::string> names;
  for (const FamilyCells& one : families) {
    if (one.name == name) return one;
    names.push_back(one.name);
  }
  throw ConfigError(fmt::format("unknown family '{}' in sweep '{}': it has {}", name, sweep,
                                names.empty() ? "none" : join(names, ", ")));
}

Db open_for_analysis(const std::string& path) {
  Db db = Db::open_read(path);
  if (const size_t stale = stale_journals(db).size(); stale > 0) {
    log_warn(fmt::format("{}: {} journals are newer than the database; run `aunet ingest`", path, stale));
  }
  return db;
}

std::string choose_sweep(Db& db, const std::string& name) {
  const std::vector<std::string> names = sweep_names(db);
  if (name.empty() && names.size() == 1) return names[0];
  if (std::find(names.begin(), names.end(), name) != names.end()) return name;
  if (names.empty())
    throw ConfigError(
        fmt::format("{}: no sweep in this database; run `aunet sweep` or `aunet ingest` first", db.path()));
  throw ConfigError(fmt::format("--sweep: expected one of {}, got '{}'", join(names, ", "), name));
}

SweepCells group_cells(const std::vector<FitInputRow>& rows) {
  SweepCells result;
  // family, budget, dims, layers, vocabulary: what makes two runs of a family seeds of one cell
  using Place = std::tuple<std::string, double, std::string, std::string, std::string>;
  std::map<Place, std::vector<FinalRow>> groups;
  std::map<std::string, std::string> kinds;  // of every family, also of those without a usable run
  std::set<std::string> seen;
  for (const FitInputRow& input : rows) {
    const FinalRow& row = input.row;
    std::string& kind = kinds[row.family];
    if (kind.empty()) kind = row.kind;
    if (result.sweep.empty()) result.sweep = row.sweep;
    if (result.convention.empty()) result.convention = row.convention;
    const std::string reason = input.exclusion.empty() ? missing_value(row) : input.exclusion;
    if (!reason.empty()) {
      result.excluded.push_back({row, reason});
    } else if (seen.insert(row.key).second) {
      groups[{row.family, *row.budget_flops, row.dims, row.layers, row.tokenizer_fingerprint}].push_back(row);
    }
  }
  for (const auto& [name, kind] : kinds) {
    FamilyCells& family = result.families.emplace_back();
    family.name = name;
    family.kind = kind;
    for (auto& [place, members] : groups) {
      if (std::get<0>(place) == name) family.cells.push_back(average(std::move(members)));
    }
    std::stable_sort(family.cells.begin(), family.cells.end(), [](const SizeCell& a, const SizeCell& b) {
      return std::tie(a.budget, a.flops_per_byte) < std::tie(b.budget, b.flops_per_byte);
    });
  }
  result.noise = pooled_noise(result.families);
  return result;
}

SweepCells load_cells(Db& db, const std::string& sweep, bool include_leaky, bool include_repeated) {
  SweepCells cells = group_cells(fit_input(db, sweep, include_leaky, include_repeated));
  cells.sweep = sweep;
  return cells;
}

}  // namespace aunet
