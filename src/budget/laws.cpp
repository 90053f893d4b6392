#include "budget/laws.h"

#include "core/error.h"

#include <cmath>

namespace aunet {

double PowerLaw::operator()(double c) const { return coefficient * std::pow(c, exponent); }

HyperLaw paper_law(const std::string& kind) {
  if (kind == "llama") return {.lr = {19.304165, -0.1770069}, .batch_units = {29.9, 0.231}};
  require(kind == "aunet" || kind == "bytes", "paper_law: unknown kind '" + kind + "'");
  return {.lr = {6.6118244, -0.1759971}, .batch_units = {0.66, 0.321}};
}

}  // namespace aunet
