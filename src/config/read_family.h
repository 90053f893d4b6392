// Reads one [[family]] of a sweep.
#pragma once

#include "config/reader.h"
#include "config/sweep_spec.h"

namespace aunet {

/// The family at `index` of `root`'s [[family]] list. What concerns other families (unique names, same_as) is
/// checked by the caller.
FamilySpec read_family(const toml::table& table, size_t index, const std::string& base_folder,
                       const UserRules& user);

/// Path of a family in messages and overrides: "family.bpe", or "family.0" while it has no name.
std::string family_path(const toml::table& table, size_t index);
}  // namespace aunet
