// Which sizes of a family a budget trains.
#pragma once

#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "config/sweep_spec.h"
#include "sweep/window_sums.h"

namespace aunet {

/// Compute-optimal training FLOPs per text byte (useful) as a C^b, per kind of model. A placeholder of this
/// house, not a published law: set from trial runs at 1e10 to 1e12 FLOPs on English prose, exponent 1/2 as in
/// Hoffmann et al. 2022 (model and data grow alike). It only centres grids; whether the centre was right is
/// what the sweep finds out. `sizes.optimum = [a, b]` replaces it. "bytes" has not been tried and takes
/// llama's.
std::pair<double, double> default_optimum_law(const std::string& kind);

/// Sizes per budget for every family of a sweep.
class Sizing {
 public:
  /// What one text byte costs a family's model in training (useful FLOPs), on the first windows of the data.
  using CostPerByte = std::function<double(const FamilySpec&, const ModelConfig&)>;

  Sizing(const SweepSpec& spec, CostPerByte cost);

  /// Sizes of `family` at spec.budget.flops[budget_index], as (size_index, model), ascending in size_index:
  /// explicit: the position in the lists (paired: the one of this budget only);
  /// per_budget: rungs r^j (j integer, r = ratio) in FLOPs per byte, each snapped to the nearest ladder size;
  /// the
  ///   per_budget rungs nearest to the optimum a C^b in ratio. Rungs are absolute, so more budgets or sizes
  ///   keep all old ones; consecutive sizes are r apart and centred on the optimum within half a rung;
  /// same_as: the ladder size nearest in FLOPs per byte to each size of the other family at this budget, once
  /// each. Throws ConfigError naming the family's line when it cannot be sized.
  std::vector<std::pair<int64_t, ModelConfig>> at(const FamilySpec& family, size_t budget_index);

  /// Every explicit size, whatever the budget (families with a data_ratio).
  std::vector<ModelConfig> explicit_sizes(const FamilySpec& family) const;

 private:
  struct Priced {
    double cost;
    ModelConfig model;
  };
  const std::vector<Priced>& priced_ladder(const FamilySpec& family);
  std::vector<ModelConfig> around_optimum(const FamilySpec& family, double budget);
  std::vector<ModelConfig> same_as(const FamilySpec& family, size_t budget_index);
  const FamilySpec& other_family(const FamilySpec& family) const;

  const SweepSpec& spec_;
  CostPerByte cost_;
  std::map<std::string, std::vector<Priced>> ladders_;
};

}  // namespace aunet
