// [[override]]: mends single cells. The new cell takes the old one's place; both stay.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sweep/cell_factory.h"
#include "sweep/exclude.h"

namespace aunet {

class Overrides {
 public:
  /// Compiles every `where`. Throws ConfigError `file:line: override.where: ...`.
  explicit Overrides(const SweepSpec& spec);

  /// Applies, in the order of the file, every override whose `where` holds for the cell as planned or for
  /// what an earlier override made of it, so that a mended cell may be mended again under its new key.
  /// `superseded` gets each cell that was replaced, with the reason "superseded by KEY: ...". The result's
  /// lr_source is "override: REASON". `factory` counts the cell anew. Throws ConfigError when an override
  /// changes nothing.
  Cell apply(Cell cell, const FamilySpec& family, CellFactory& factory,
             std::vector<ExcludedCell>& superseded);

  /// One line for each override that no cell has met so far.
  std::vector<std::string> unused() const;

 private:
  const SweepSpec& spec_;
  std::vector<CellPredicate> where_;
  std::vector<bool> used_;
};

}  // namespace aunet
