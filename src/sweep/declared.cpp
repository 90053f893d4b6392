#include "sweep/declared.h"

#include "core/error.h"

#include <fmt/format.h>

#include <cmath>
#include <memory>

namespace aunet {

namespace {

DataFacts facts_of(const SweepData& data, const FamilySpec& family) {
  const DeclaredData& declared = *data.declared;
  DataFacts facts;
  facts.declared = true;
  const double context = static_cast<double>(data.data.context_bytes);
  if (family.kind == "llama") {
    if (declared.bytes_per_token <= 0)
      throw ConfigError(fmt::format(
          "data.declared.bytes_per_token: expected a number above 0 for family '{}'", family.name));
    const int64_t tokens = declared.tokens_per_window > 0 ? declared.tokens_per_window
                                                          : std::llround(context / declared.bytes_per_token);
    facts.bytes_per_token = declared.bytes_per_token;
    facts.rows = {static_cast<int32_t>(tokens)};
    facts.text_bytes = {
        static_cast<int32_t>(std::lround(static_cast<double>(tokens) * declared.bytes_per_token))};
    return facts;
  }
  const auto* aunet = std::get_if<AunetConfig>(&family.base);
  facts.n_stages = aunet != nullptr ? static_cast<int64_t>(aunet->split.size()) + 1 : 1;
  if (static_cast<int64_t>(declared.rows_per_8192.size()) < facts.n_stages)
    throw ConfigError(fmt::format("data.declared.rows_per_8192: expected {} values for family '{}', got {}",
                                  facts.n_stages, family.name, declared.rows_per_8192.size()));
  for (int64_t k = 0; k < facts.n_stages; ++k)
    facts.rows.push_back(
        static_cast<int32_t>(std::lround(declared.rows_per_8192[static_cast<size_t>(k)] * context / 8192)));
  facts.text_bytes = {static_cast<int32_t>(data.data.context_bytes)};
  return facts;
}

}  // namespace

FactsProvider declared_facts(const SweepData& data) {
  require(data.declared.has_value(), "declared_facts: the sweep declares no data");
  auto cache = std::make_shared<std::map<std::string, DataFacts>>();
  return [data, cache](const FamilySpec& family, uint64_t, int64_t) -> const DataFacts& {
    const std::string name = family.name + "|" + family.variant;
    const auto found = cache->find(name);
    return found != cache->end() ? found->second : (*cache)[name] = facts_of(data, family);
  };
}

}  // namespace aunet
