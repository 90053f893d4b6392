// The `where` of [[exclude]]: a condition on a planned cell.
#pragma once

#include <functional>
#include <string>

#include "sweep/plan.h"

namespace aunet {

using CellPredicate = std::function<bool(const Cell&)>;

/// Compiles a condition. `place` begins the messages of errors: "file:line: exclude.where".
///
/// Comparisons (== != < <= > >=) of names and literals, joined by `not`, `and`, `or` (that
/// precedence) and parentheses. Numbers: epochs, budget, params, bytes, steps, lr, size_index, batch_bytes.
/// Texts: family, role ("grid", "replicate"), key. Literals: 4, 1e12, 'bpe' or "bpe". Texts compare with ==
/// and
/// != only; a key equals every beginning of it of at least 4 digits. Throws ConfigError on anything else.
CellPredicate compile_where(const std::string& where, const std::string& place);
/// The same for an [[exclude]] rule.
CellPredicate compile_exclude(const ExcludeSpec& rule, const std::string& file);

}  // namespace aunet
