// Claims are written down, with the time, in the plan of their sweep before its first run starts. What is
// written stays: a claim that is changed later is told from the one that the runs were made for.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "config/claim.h"

namespace aunet {

/// The "claims" of a plan file: the entries that `plan_path` already holds, unchanged, and one for every
/// claim whose id is new: { id, hash, text, registered (ISO 8601 UTC) }. Throws Error when the file is no
/// JSON.
nlohmann::json registered_claims(const std::string& plan_path, const std::vector<ClaimSpec>& claims);

}  // namespace aunet
