// Database rows -> the cells that a comparison stands on: finished runs that may enter a fit, grouped by
// family, budget and size, seeds averaged, with the noise between seeds. The rows left out are kept with
// their reasons.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "db/queries.h"

namespace aunet {

/// What a budget is counted in when curves are drawn against it.
enum class Cost { Useful, Paper, Executed, Seconds };
Cost parse_cost(const std::string& name);  ///< ConfigError naming the legal ones
std::string to_string(Cost cost);

/// One model at one budget; its seeds are averaged.
struct SizeCell {
  double budget = 0;          // FLOPs, the grid's
  std::string dims, layers;   // as the database prints them
  double flops_per_byte = 0;  // training, useful: how sizes are ordered within a family
  double loss_bpb = 0;        // mean over seeds
  int64_t n_seeds = 0;
  double flops_useful = 0, flops_paper = 0, flops_executed = 0;  // mean over seeds
  std::optional<double> seconds;                                 // training, mean over seeds
  double bytes = 0;                                              // mean over seeds
  std::vector<FinalRow> rows;                                    // its runs
  double cost(Cost kind) const;                                  ///< NaN when unknown
};

struct FamilyCells {
  std::string name, kind;
  std::vector<SizeCell> cells;          // by budget, then by FLOPs per byte
  std::vector<double> budgets() const;  ///< distinct, ascending
  std::vector<const SizeCell*> at(double budget) const;
  int64_t n_runs() const;
  int64_t n_trees() const;  ///< independent draws: run trees, and runs that are in none
};

/// Standard deviation of the log loss between seeds of one cell.
struct SeedNoise {
  double sd = 0;
  double freedom = 0;    // degrees of freedom of the estimate
  bool assumed = false;  // no cell had two seeds: the prior
  /// 2 sd sqrt(1/n + 1/n'): log losses of two cells that differ by less may differ by chance alone.
  double difference_bar(const SizeCell& a, const SizeCell& b) const;
};
/// sd .004 of the log loss, worth 4 degrees of freedom: above the .002-.005 nats near 3 of Porian et al. 2024
/// (arXiv 2406.19146) and inside the .003-.01 bits per byte at 2-3 that small byte models showed.
inline constexpr SeedNoise kSeedNoisePrior{.sd = 0.004, .freedom = 4, .assumed = true};

struct SweepCells {
  std::string sweep, convention;      // convention of its budgets
  std::vector<FamilyCells> families;  // by name; one whose runs may all not enter has no cells
  std::vector<FitInputRow> excluded;  // with their reasons
  SeedNoise noise;                    // pooled over families
  const FamilyCells& family(const std::string& name) const;  ///< ConfigError naming the families
};

/// Opens a database for reading and warns on stderr when journals have grown since it was built.
Db open_for_analysis(const std::string& path);
/// The sweep called `name`; "" means the only one. Throws ConfigError naming the sweeps when that is not one.
std::string choose_sweep(Db& db, const std::string& name);
SweepCells load_cells(Db& db, const std::string& sweep, bool include_leaky = false,
                      bool include_repeated = false);
SweepCells group_cells(const std::vector<FitInputRow>& rows);

}  // namespace aunet
