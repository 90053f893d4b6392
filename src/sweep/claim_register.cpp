#include "sweep/claim_register.h"

#include "core/error.h"
#include "core/file.h"

#include <fmt/chrono.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>

namespace aunet {
namespace {

using Json = nlohmann::json;

std::string now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
}

Json already_registered(const std::string& plan_path) {
  if (!exists(plan_path)) return Json::array();
  const Json plan = Json::parse(read_file(plan_path), nullptr, false);
  if (!plan.is_object()) throw Error(plan_path + ": expected the JSON of a plan, got something else");
  return plan.value("claims", Json::array());
}

}  // namespace

Json registered_claims(const std::string& plan_path, const std::vector<ClaimSpec>& claims) {
  Json entries = already_registered(plan_path);
  for (const ClaimSpec& claim : claims) {
    const bool known = std::any_of(entries.begin(), entries.end(),
                                   [&](const Json& entry) { return entry.value("id", "") == claim.id; });
    if (known) continue;
    entries.push_back(
        {{"id", claim.id}, {"hash", claim_hash(claim)}, {"text", claim.text}, {"registered", now()}});
  }
  return entries;
}

}  // namespace aunet
