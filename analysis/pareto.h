// Pareto views: which cells give the fewest bits per byte for what they cost to use (inference FLOPs per
// byte, parameters, memory), among all families and within their own, at their training budget and over all
// budgets. Not about training compute: that is the multiplier's.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "analysis/cells.h"
#include "analysis/table.h"

namespace aunet {

/// What a model is charged for besides its loss.
enum class Against { Inference, Params, Memory };
Against parse_against(const std::string& name);  ///< inference, params, memory; ConfigError naming them
std::string to_string(Against against);          ///< as parse_against reads it
std::string label_of(Against against);  ///< with its unit: "inference FLOPs per byte", "parameters", ...

/// Where a cell stands among others. One cell dominates another when it is no worse in loss and in cost and
/// better in one of them; two that are equal in both do not dominate each other.
struct Standing {
  /// Of the cells that cost no more, the one with the lowest loss (the cheapest of several); itself on a
  /// front.
  std::optional<size_t> better;  // index into ParetoView::cells; nullopt: on the front
  bool within_noise = false;     // that one's lead is no more than the seed noise (SeedNoise::difference_bar)
  bool own_front = false;        // no cell of its own family dominates it
  bool on_front() const { return !better; }
  std::string word() const;  ///< "front", "within noise" (of the front), "dominated"
};

struct ParetoCell {
  const SizeCell* cell = nullptr;
  std::string family;
  double cost = 0;  // in the unit of label_of; inference: mean over the budgets of one model
  Standing at_budget, over_all;
  std::string name() const;  ///< "aunet2 32,64 x 1,3"
};

struct ParetoView {
  Against against = Against::Inference;
  std::string refusal;            // "" unless there is nothing to show
  std::vector<ParetoCell> cells;  // ascending in budget, cost, loss
  int64_t left_out = 0;           // finished cells whose cost is not recorded
  SeedNoise noise;
};

/// Every cell that may enter a fit, of every family; `cells` must outlive the view.
ParetoView pareto_view(const SweepCells& cells, Against against);

/// What the front is made of: for each point nullopt when no other is cheaper or equal with a lower loss, or
/// cheaper with an equal one; else the index of the lowest loss at no more cost (the cheapest of several,
/// then the first).
struct CostLoss {
  double cost = 0, loss = 0;
};
std::vector<std::optional<size_t>> best_at_no_more_cost(const std::vector<CostLoss>& points);

/// How many cells of which family the front over all budgets has; or the refusal.
std::string pareto_summary(const ParetoView& view);
TextTable pareto_table(const ParetoView& view);
nlohmann::json pareto_to_json(const ParetoView& view);
/// "At 9e11 FLOPs, against parameters: aunet2 32,64 x 1,3 is dominated by bpe 32 x 2; bpe 32 x 2 is on the
/// front": the best cell of each family at the budget, among all cells of that budget.
std::string pareto_line(const ParetoView& view, double budget, const std::vector<std::string>& families);

}  // namespace aunet
