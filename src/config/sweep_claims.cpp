#include "config/sweep_claims.h"

#include "config/sections.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace aunet {
namespace {

/// "" or why the claim cannot be tested by this sweep.
std::string mismatch(const ClaimSpec& claim, const SweepSpec& spec) {
  if (!claim.testable) return "expected a testable claim, got one with testable = false";
  if (claim.sweep != spec.name) {
    return fmt::format("expected a claim about this sweep, \"{}\", got one about \"{}\"", spec.name,
                       claim.sweep);
  }
  std::vector<std::string> names;
  for (const FamilySpec& family : spec.families) names.push_back(family.name);
  for (const ClaimTest& test : claim.tests) {
    for (const auto* list : {&test.families, &test.minus}) {
      for (const std::string& name : *list) {
        if (std::find(names.begin(), names.end(), name) == names.end()) {
          return fmt::format("expected a claim about families of this sweep ({}), got one about \"{}\"",
                             join(names, ", "), name);
        }
      }
    }
  }
  return "";
}

}  // namespace

void read_sweep_claims(const Table& sweep, const std::string& base_folder, SweepSpec& spec) {
  std::vector<std::string> paths;
  if (!sweep.read_list("claims", paths)) return;
  for (std::string& path : paths) path = resolve_path(path, base_folder);
  spec.claims = read_claims(paths);
  for (const ClaimSpec& claim : spec.claims) {
    if (const std::string why = mismatch(claim, spec); !why.empty())
      sweep.fail("claims", fmt::format("{}: {}", claim.file, why));
  }
}

}  // namespace aunet
