#include "sweep/match.h"

#include "budget/params.h"
#include "core/error.h"
#include "core/text.h"
#include "sweep/ladder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace aunet {

namespace {

[[noreturn]] void fail(const SweepSpec& spec, const FamilySpec& family, const std::string& message) {
  throw ConfigError(fmt::format("{}:{}: family '{}': {}", spec.file, family.line, family.name, message));
}

double distance(double a, double b) { return std::abs(std::log(a / b)); }

/// The quantity that a cell's own counts give, for the modes that match sizes.
double size_of(const Cell& cell, const std::string& quantity) {
  return quantity == "params" ? static_cast<double>(cell.params.total) : cell.inference_flops_per_byte;
}

}  // namespace

double CellMatch::error() const { return target > 0 ? std::abs(achieved / target - 1) : 0; }

std::string match_words(const std::string& quantity) {
  if (quantity == "bytes") return "text bytes";
  if (quantity == "params") return "parameters";
  if (quantity == "inference_flops_per_byte") return "inference FLOPs per byte";
  return quantity == "flops" ? "FLOPs" : quantity;
}

void demand_rates(const SweepSpec& spec, const SpeedBook* speeds) {
  if (spec.budget.match != "seconds") return;
  std::vector<std::string> missing;
  for (const FamilySpec& family : spec.families)
    if (spec.budget.rates.count(family.name) == 0) missing.push_back(family.name);
  if (missing.empty()) return;
  std::vector<std::string> measured;
  if (speeds != nullptr)
    for (const auto& [family, rate] : speeds->family_rates())
      measured.push_back(fmt::format("{} = {:.3g}", family, rate));
  throw ConfigError(
      fmt::format("{}: budget.rates: expected the useful FLOP/s of every family for match = \"seconds\", got "
                  "none for {}; {}",
                  spec.budget.match_place, join(missing, ", "),
                  measured.empty() ? "no run measured any yet: run a few cells with match = \"flops\" first"
                                   : "the runs here measured { " + join(measured, ", ") + " }"));
}

void warn_of_mismatch(Cell& cell) {
  const bool size = cell.match.quantity == "params" || cell.match.quantity == "inference_flops_per_byte";
  if (size && cell.match.error() > kSizeMatchTolerance)
    cell.warnings.push_back(fmt::format("{} differ from the reference's by more than {:g} %",
                                        match_words(cell.match.quantity), 100 * kSizeMatchTolerance));
}

Matcher::Matcher(const SweepSpec& spec, CellFactory& factory, Sizing& sizing)
    : spec_(spec), factory_(factory), sizing_(sizing) {
  demand_rates(spec, nullptr);
}

bool Matcher::matches_sizes() const {
  return spec_.budget.match == "params" || spec_.budget.match == "inference_flops_per_byte";
}

const FamilySpec& Matcher::family_named(const std::string& name) const {
  const auto found = std::find_if(spec_.families.begin(), spec_.families.end(),
                                  [&](const FamilySpec& family) { return family.name == name; });
  if (found == spec_.families.end())
    throw ConfigError(
        fmt::format("{}: budget.reference: expected the name of a family, got '{}'", spec_.file, name));
  return *found;
}

Matcher::Sizes Matcher::sizes(const FamilySpec& family, size_t budget) {
  if (spec_.budget.match == "flops" || is_reference(family)) return sizing_.at(family, budget);
  if (!family.sizes.dims.empty()) return pair_explicit(family, budget);
  if (matches_sizes())
    return follow(family, family_named(spec_.budget.reference), budget, spec_.budget.match);
  if (family.sizes.same_as.empty()) return sizing_.at(family, budget);
  return follow(family, family_named(family.sizes.same_as), budget, "flops");
}

/// The ladder size of `family` nearest in `quantity` to each size of `other`.
Matcher::Sizes Matcher::follow(const FamilySpec& family, const FamilySpec& other, size_t budget,
                               const std::string& quantity) {
  const Measure measure = [&](const FamilySpec& f, const ModelConfig& model) {
    if (quantity == "params") return static_cast<double>(count_params(model).total);
    return quantity == "flops" ? factory_.cost_per_byte(f, model) : factory_.inference_per_byte(f, model);
  };
  auto& rungs = ladders_[{family.name + "|" + family.variant, quantity}];
  if (rungs.empty())
    for (const ModelConfig& model : ladder(family, spec_)) rungs.emplace_back(measure(family, model), model);

  Sizes found;
  double last_distance = 0;
  for (const auto& [index, theirs] : sizes(other, budget)) {
    const double wanted = measure(other, theirs);
    const auto nearest = std::min_element(rungs.begin(), rungs.end(), [&](const auto& x, const auto& y) {
      return distance(x.first, wanted) < distance(y.first, wanted);
    });
    const double here = distance(nearest->first, wanted);
    const bool again = !found.empty() && found.back().second == nearest->second;
    if (again && here >= last_distance) continue;
    if (again) found.pop_back();
    found.emplace_back(index, nearest->second);
    last_distance = here;
  }
  return found;
}

Matcher::Sizes Matcher::pair_explicit(const FamilySpec& family, size_t budget) {
  Sizes mine = sizing_.at(family, budget);
  const FamilySpec& reference = family_named(spec_.budget.reference);
  const Sizes theirs = sizes(reference, budget);
  const auto positions = [](const Sizes& list) {
    std::vector<int64_t> indices;
    for (const auto& [index, _] : list) indices.push_back(index);
    return indices;
  };
  if (positions(mine) != positions(theirs))
    fail(spec_, family,
         fmt::format("sizes: expected {} to match {} with the sizes of '{}' one by one at {}, got {}",
                     reference.sizes.paired ? "paired = true and as many entries"
                                            : fmt::format("{} entries", theirs.size()),
                     match_words(spec_.budget.match), reference.name, human_flops(spec_.budget.flops[budget]),
                     mine.size()));
  return mine;
}

const Cell& Matcher::partner(const FamilySpec& family, size_t budget, int64_t size_index, SeedConfig seeds) {
  const auto place = std::tuple{budget, size_index, seeds.data};
  const auto known = partners_.find(place);
  if (known != partners_.end()) return known->second;
  const FamilySpec& reference = family_named(spec_.budget.reference);
  const Sizes all = sizes(reference, budget);
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& size) { return size.first == size_index; });
  if (found == all.end())
    fail(spec_, family,
         fmt::format("sizes: expected at most the {} sizes of '{}' at {} to match {} with, got a size {}",
                     all.size(), reference.name, human_flops(spec_.budget.flops[budget]),
                     match_words(spec_.budget.match), size_index + 1));
  return partners_[place] = factory_.for_budget(reference, found->second, spec_.budget.flops[budget], seeds);
}

void Matcher::demand_tolerance(const FamilySpec& family, const Cell& cell, bool extrapolated) const {
  if (extrapolated || cell.match.error() <= spec_.budget.tolerance) return;
  fail(spec_, family,
       fmt::format("expected {:.6g} {} within {:g} %, nearest is {:.6g} ({:.2g} % off)", cell.match.target,
                   match_words(cell.match.quantity), 100 * spec_.budget.tolerance, cell.match.achieved,
                   100 * cell.match.error()));
}

Cell Matcher::for_bytes(const FamilySpec& family, const ModelConfig& model, const Cell& partner) {
  WindowSums& windows = factory_.sums(family, model, partner.run.seeds.data);
  const Horizon horizon =
      horizon_for_bytes(windows, partner.text_bytes, std::max(kMaxEpochs, spec_.data.max_epochs));
  Cell cell = factory_.for_horizon(family, model, horizon, partner.budget_flops, partner.run.seeds);
  cell.match = {"bytes", partner.text_bytes, cell.text_bytes};
  demand_tolerance(family, cell, horizon.extrapolated);
  return cell;
}

Cell Matcher::for_seconds(const FamilySpec& family, const ModelConfig& model, const Cell& partner) {
  const double seconds = partner.flops_useful.total() / spec_.budget.rates.at(spec_.budget.reference);
  const double rate = spec_.budget.rates.at(family.name);
  WindowSums& windows = factory_.sums(family, model, partner.run.seeds.data);
  const Horizon horizon =
      horizon_for_flops(model, windows, Convention::Useful, seconds * rate,
                        kPreciseShare * spec_.budget.tolerance, std::max(kMaxEpochs, spec_.data.max_epochs));
  Cell cell = factory_.for_horizon(family, model, horizon, partner.budget_flops, partner.run.seeds);
  cell.match = {"seconds", seconds, cell.flops_useful.total() / rate};
  demand_tolerance(family, cell, horizon.extrapolated);
  return cell;
}

Cell Matcher::cell(const FamilySpec& family, size_t budget, int64_t size_index, const ModelConfig& model,
                   SeedConfig seeds) {
  const std::string& quantity = spec_.budget.match;
  const double flops = spec_.budget.flops[budget];
  const bool horizon_matched = quantity == "bytes" || quantity == "seconds";
  if (horizon_matched && !is_reference(family)) {
    Cell with = partner(family, budget, size_index, seeds);
    with.run.seeds = seeds;
    return quantity == "bytes" ? for_bytes(family, model, with) : for_seconds(family, model, with);
  }
  Cell cell = factory_.for_budget(family, model, flops, seeds);
  if (quantity == "flops") {
    cell.match = {"flops", flops, cell.flops_by_convention};
  } else if (quantity == "bytes") {
    cell.match = {"bytes", cell.text_bytes, cell.text_bytes};
  } else if (quantity == "seconds") {
    const double seconds = cell.flops_useful.total() / spec_.budget.rates.at(family.name);
    cell.match = {"seconds", seconds, seconds};
  } else {
    const double target = is_reference(family)
                              ? size_of(cell, quantity)
                              : size_of(partner(family, budget, size_index, seeds), quantity);
    cell.match = {quantity, target, size_of(cell, quantity)};
  }
  return cell;
}

}  // namespace aunet
