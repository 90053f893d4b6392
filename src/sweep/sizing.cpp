#include "sweep/sizing.h"

#include "core/error.h"
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

}  // namespace

std::pair<double, double> default_optimum_law(const std::string& kind) {
  return kind == "aunet" ? std::pair{0.45, 0.5} : std::pair{0.22, 0.5};
}

Sizing::Sizing(const SweepSpec& spec, CostPerByte cost) : spec_(spec), cost_(std::move(cost)) {}

const std::vector<Sizing::Priced>& Sizing::priced_ladder(const FamilySpec& family) {
  const auto found = ladders_.find(family.name + "|" + family.variant);
  if (found != ladders_.end()) return found->second;
  std::vector<Priced> sizes;
  for (const ModelConfig& model : ladder(family, spec_)) sizes.push_back({cost_(family, model), model});
  std::stable_sort(sizes.begin(), sizes.end(),
                   [](const Priced& a, const Priced& b) { return a.cost < b.cost; });
  return ladders_[family.name + "|" + family.variant] = std::move(sizes);
}

std::vector<ModelConfig> Sizing::around_optimum(const FamilySpec& family, double budget) {
  const std::vector<Priced>& sizes = priced_ladder(family);
  const double ratio = family.sizes.ratio;
  const auto [a, b] = family.sizes.optimum_law.value_or(default_optimum_law(family.kind));
  const double optimum = a * std::pow(budget, b);

  // one size per rung; a rung that lies off the ladder, or shares its size with a nearer rung, has none
  std::map<int64_t, size_t> rungs;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const auto rung = static_cast<int64_t>(std::llround(std::log(sizes[i].cost) / std::log(ratio)));
    const double target = std::pow(ratio, static_cast<double>(rung));
    const auto held = rungs.find(rung);
    if (held == rungs.end() || distance(sizes[i].cost, target) < distance(sizes[held->second].cost, target))
      rungs[rung] = i;
  }
  std::vector<std::pair<double, int64_t>> nearest;
  for (const auto& [rung, size] : rungs)
    nearest.emplace_back(distance(std::pow(ratio, static_cast<double>(rung)), optimum), rung);
  const auto wanted = static_cast<size_t>(family.sizes.per_budget);
  if (nearest.size() < wanted)
    fail(spec_, family,
         fmt::format("sizes.per_budget: expected at most {} (the ladder's sizes at ratio {}), got {}",
                     nearest.size(), ratio, wanted));
  std::sort(nearest.begin(), nearest.end());
  nearest.resize(wanted);
  std::sort(nearest.begin(), nearest.end(), [](const auto& x, const auto& y) { return x.second < y.second; });
  std::vector<ModelConfig> models;
  for (const auto& [_, rung] : nearest) models.push_back(sizes[rungs[rung]].model);
  return models;
}

const FamilySpec& Sizing::other_family(const FamilySpec& family) const {
  const auto other = std::find_if(spec_.families.begin(), spec_.families.end(),
                                  [&](const FamilySpec& f) { return f.name == family.sizes.same_as; });
  if (other == spec_.families.end())
    fail(spec_, family, fmt::format("sizes.same_as: no family '{}'", family.sizes.same_as));
  if (!other->sizes.same_as.empty())
    fail(spec_, family,
         fmt::format("sizes.same_as: expected a family with sizes of its own, got '{}'", other->name));
  return *other;
}

std::vector<ModelConfig> Sizing::same_as(const FamilySpec& family, size_t budget_index) {
  const std::vector<Priced>& sizes = priced_ladder(family);
  const FamilySpec& other = other_family(family);
  std::vector<ModelConfig> models;
  for (const auto& [_, theirs] : at(other, budget_index)) {
    const double wanted = cost_(other, theirs);
    const auto nearest = std::min_element(sizes.begin(), sizes.end(), [&](const Priced& x, const Priced& y) {
      return distance(x.cost, wanted) < distance(y.cost, wanted);
    });
    if (models.empty() || !(models.back() == nearest->model)) models.push_back(nearest->model);
  }
  return models;
}

std::vector<ModelConfig> Sizing::explicit_sizes(const FamilySpec& family) const {
  const SizesSpec& s = family.sizes;
  if (s.dims.empty()) fail(spec_, family, "sizes: expected dims and layers");
  const auto heads = [&](size_t i) { return s.head_dims.empty() ? std::vector<int64_t>{} : s.head_dims[i]; };
  std::vector<ModelConfig> models;
  if (s.product) {
    for (size_t i = 0; i < s.dims.size(); ++i)
      for (const auto& layers : s.layers)
        models.push_back(sized_model(family, spec_, s.dims[i], layers, heads(i)));
    return models;
  }
  if (s.layers.size() != s.dims.size())
    fail(spec_, family,
         fmt::format("sizes.layers: expected {} entries (one per entry of dims), got {}", s.dims.size(),
                     s.layers.size()));
  for (size_t i = 0; i < s.dims.size(); ++i)
    models.push_back(sized_model(family, spec_, s.dims[i], s.layers[i], heads(i)));
  return models;
}

std::vector<std::pair<int64_t, ModelConfig>> Sizing::at(const FamilySpec& family, size_t budget_index) {
  std::vector<ModelConfig> models;
  if (!family.sizes.same_as.empty())
    models = same_as(family, budget_index);
  else if (family.sizes.per_budget > 0)
    models = around_optimum(family, spec_.budget.flops[budget_index]);
  else
    models = explicit_sizes(family);
  if (family.sizes.paired) {
    if (models.size() != spec_.budget.flops.size())
      fail(spec_, family,
           fmt::format("sizes.paired: expected {} sizes (one per budget), got {}", spec_.budget.flops.size(),
                       models.size()));
    return {{static_cast<int64_t>(budget_index), models[budget_index]}};
  }
  std::vector<std::pair<int64_t, ModelConfig>> indexed;
  for (size_t i = 0; i < models.size(); ++i) indexed.emplace_back(static_cast<int64_t>(i), models[i]);
  return indexed;
}

}  // namespace aunet
