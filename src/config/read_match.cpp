#include "config/read_match.h"

#include "config/toml_file.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace aunet {

void read_match(const Table& budget, const std::vector<FamilySpec>& families, BudgetSpec& spec) {
  budget.read_choice("match", spec.match,
                     {"flops", "bytes", "params", "inference_flops_per_byte", "seconds"});
  if (const toml::node* node = budget.find("match")) spec.match_place = place_of(node->source());
  std::vector<std::string> names;
  std::vector<std::string_view> legal;
  for (const FamilySpec& family : families) names.push_back(family.name);
  for (const std::string& name : names) legal.emplace_back(name);
  if (!names.empty()) spec.reference = names[0];
  budget.read_choice("reference", spec.reference, names);
  const Table rates = budget.table("rates", legal);
  for (const std::string& name : names)
    if (rates.has(name)) rates.read(name, spec.rates[name], above(0));
  const auto by_ratio = std::find_if(families.begin(), families.end(),
                                     [](const FamilySpec& family) { return family.data_ratio > 0; });
  if (spec.match != "flops" && by_ratio != families.end()) {
    budget.fail("match", fmt::format("expected \"flops\" beside a family with a data_ratio ({}), got \"{}\"",
                                     by_ratio->name, spec.match));
  }
}

}  // namespace aunet
