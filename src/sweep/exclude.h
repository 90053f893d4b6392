// The `where` of [[exclude]]: a condition on a planned cell.
#pragma once

#include <functional>
#include <string>

#include "sweep/plan.h"

namespace aunet {

using CellPredicate = std::function<bool(const Cell&)>;

/// Compiles comparisons (== != < <= > >=) of names and literals, joined by `not`, `and`, `or` (that
/// precedence) and parentheses. Numbers: epochs, budget, params, bytes, steps, lr, size_index, batch_bytes.
/// Texts: family, role
/// ("grid", "replicate"). Literals: 4, 1e12, 'bpe' or "bpe". Texts compare with == and != only.
/// Throws ConfigError `file:line: exclude.where: ...` on anything else.
CellPredicate compile_exclude(const ExcludeSpec& rule, const std::string& file);

}  // namespace aunet
