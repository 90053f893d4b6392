// What may be wrong with a sweep before anybody believes its conclusion: named findings, each with what would
// cure it.
#pragma once

#include <string>
#include <vector>

#include "analysis/cells.h"
#include "cli/command.h"

namespace aunet {

enum class Severity { Info, Warning, Error };  // Error: a conclusion is refused or must not be quoted
std::string to_string(Severity severity);

struct Finding {
  std::string name;  // stable, for scripts: "few_budgets", "edge_rate", ...
  Severity severity = Severity::Warning;
  std::string family;  // "" when it concerns the sweep
  std::string message, cure;
};

/// All findings, errors first, then by name and family.
///
/// Source  reference list: arXiv 2502.18969 ((Mis)Fitting), arXiv 2406.19146 (warm-up, tuning), arXiv
/// 2603.22339 (grids);
///         more than 4 epochs: arXiv 2305.16264; thresholds of DESIGN section 4 where it gives them
std::vector<Finding> check_sweep(Db& db, const std::string& sweep);

/// The parts, on rows alone.
std::vector<Finding> check_runs(
    const std::vector<FitInputRow>& rows);                 ///< failures, gates, epochs, evaluation, budgets
std::vector<Finding> check_grid(const SweepCells& cells);  ///< budgets, sizes, seeds, curves
std::vector<Finding> check_tuning(const std::vector<TuningTrial>& trials,
                                  const std::vector<std::string>& families);

/// aunet-analyze check [--db F] [--sweep S] [--json]: exit 1 when there is an error among the findings.
int cmd_check(const Args& args);

}  // namespace aunet
