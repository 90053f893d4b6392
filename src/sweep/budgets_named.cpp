#include "sweep/budgets_named.h"

#include "core/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace aunet {

std::vector<size_t> budgets_named(const std::vector<std::string>& names, const std::vector<double>& budgets,
                                  const std::string& where) {
  std::vector<size_t> indices;
  const auto add = [&](size_t i) {
    if (std::find(indices.begin(), indices.end(), i) == indices.end()) indices.push_back(i);
  };
  for (const std::string& name : names) {
    char* end = nullptr;
    const double number = std::strtod(name.c_str(), &end);
    const auto same = std::find_if(budgets.begin(), budgets.end(),
                                   [&](double b) { return std::abs(b / number - 1) < 1e-9; });
    if (name == "smallest")
      add(0);
    else if (name == "middle")
      add((budgets.size() - 1) / 2);
    else if (name == "largest")
      add(budgets.size() - 1);
    else if (name == "each")
      for (size_t i = 0; i < budgets.size(); ++i) add(i);
    else if (*end == '\0' && same != budgets.end())
      add(static_cast<size_t>(same - budgets.begin()));
    else
      throw ConfigError(fmt::format(
          "{}: expected smallest, middle, largest, each or one of budget.flops, got '{}'", where, name));
  }
  std::sort(indices.begin(), indices.end());
  return indices;
}

}  // namespace aunet
