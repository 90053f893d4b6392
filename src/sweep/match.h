// What the families of a sweep have in common at (budget i, size j): [budget] match. The one place that pairs
// cells of different families.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "sweep/cell_factory.h"
#include "sweep/sizing.h"
#include "sweep/speed.h"

namespace aunet {

/// A matched size may miss its partner's parameters or inference FLOPs by this much before a cell is warned
/// about: neighbours on the ladder lie up to a factor 1.9 apart in FLOPs, so the nearest may well be 10 %
/// off.
inline constexpr double kSizeMatchTolerance = 0.10;

/// "text bytes", "parameters", ...: a match quantity in words.
std::string match_words(const std::string& quantity);

/// Throws ConfigError unless [budget] rates has every family when match = "seconds"; the message lists what
/// the runs of `speeds` measured (null: nothing).
void demand_rates(const SweepSpec& spec, const SpeedBook* speeds);

/// Adds the warning of a cell whose size misses its partner's by more than kSizeMatchTolerance.
void warn_of_mismatch(Cell& cell);

/// Cells and sizes of every family under spec.budget.match. budget.flops sizes the reference family's cells
/// in every mode; the other families' cell (budget i, size j) is matched to the reference's cell (i, j):
///
/// flops                     each spends budget i (by the sweep's convention); nothing is paired
/// bytes                     trains on the same text bytes
/// seconds                   useful FLOPs = rate of its family x (useful FLOPs / rate) of the reference's
/// cell params                    total parameters of the models, embeddings included; each spends budget i
/// inference_flops_per_byte  of the models (budget/flops.h); each spends budget i
///
/// Sizes of a family that is not the reference: explicit lists pair by position in every mode. Where sizes
/// are matched, per_budget and same_as families take the ladder size nearest (in ratio) to each of the
/// reference's, whatever their own optimum; a ladder size that is nearest to two of them pairs with the
/// nearer one. Under bytes and seconds, per_budget families keep their own sizes and pair by position;
/// same_as keeps the position of the size that it follows.
///
/// Errors  ConfigError naming the family: a size without a partner; bytes or seconds that the horizon cannot
///         meet within spec.budget.tolerance
class Matcher {
 public:
  /// The arguments outlive the object.
  Matcher(const SweepSpec& spec, CellFactory& factory, Sizing& sizing);

  /// (size_index, model) of `family` at spec.budget.flops[budget], ascending.
  std::vector<std::pair<int64_t, ModelConfig>> sizes(const FamilySpec& family, size_t budget);

  /// The cell of one of these sizes: its horizon and Cell::match; rate and batch are left to the caller.
  Cell cell(const FamilySpec& family, size_t budget, int64_t size_index, const ModelConfig& model,
            SeedConfig seeds);

 private:
  using Sizes = std::vector<std::pair<int64_t, ModelConfig>>;
  using Measure = std::function<double(const FamilySpec&, const ModelConfig&)>;

  bool matches_sizes() const;
  bool is_reference(const FamilySpec& family) const { return family.name == spec_.budget.reference; }
  const FamilySpec& family_named(const std::string& name) const;
  Sizes follow(const FamilySpec& family, const FamilySpec& other, size_t budget, const std::string& quantity);
  Sizes pair_explicit(const FamilySpec& family, size_t budget);
  const Cell& partner(const FamilySpec& family, size_t budget, int64_t size_index, SeedConfig seeds);
  Cell for_bytes(const FamilySpec& family, const ModelConfig& model, const Cell& partner);
  Cell for_seconds(const FamilySpec& family, const ModelConfig& model, const Cell& partner);
  void demand_tolerance(const FamilySpec& family, const Cell& cell, bool extrapolated) const;

  const SweepSpec& spec_;
  CellFactory& factory_;
  Sizing& sizing_;
  std::map<std::pair<std::string, std::string>, std::vector<std::pair<double, ModelConfig>>> ladders_;
  std::map<std::tuple<size_t, int64_t, uint64_t>, Cell> partners_;  // budget, size, data seed
};

}  // namespace aunet
