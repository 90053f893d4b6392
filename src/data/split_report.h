// What a list of split rules does to a text: how much each stage keeps, script by script, and what a cap
// cuts.
#pragma once

#include "data/split_rules.h"

#include <cstdint>
#include <string>
#include <vector>

namespace aunet {

/// Units of one stage, all of them or those of one script. A unit goes from a position that the stage keeps
/// up to the next one: a word rule's begins with the blank before the word.
struct UnitCount {
  int64_t units = 0;
  int64_t bytes = 0;           // positions in them
  int64_t one_byte_units = 0;  // units of one position
  double per_byte() const { return bytes ? static_cast<double>(units) / static_cast<double>(bytes) : 0; }
  double one_byte_share() const {
    return units ? static_cast<double>(one_byte_units) / static_cast<double>(units) : 0;
  }
};

struct ScriptUnits {
  std::string script;  // of the unit's first letter or mark (data/scripts.h); "Other": another script;
                       // "None": no letter in it
  UnitCount count;
};

/// Counts per stage, from stage 2 on (stage 1 has a unit a position).
struct StageUnits {
  UnitCount all;
  std::vector<ScriptUnits> scripts;  // most bytes first
};

/// Counts the units of texts (ids) whose levels are given. The first position of a text begins a unit of
/// every stage. Marks are positions like bytes, letters of no script.
std::vector<StageUnits> count_units(const std::vector<std::vector<int32_t>>& texts,
                                    const std::vector<std::vector<int32_t>>& levels, size_t n_stages);

/// What the caps of a padded model cut off (paper.md 0.2): rows are counted window by window, each beginning
/// with a begin mark, and those past a stage's cap are lost together with all that they would have carried
/// deeper.
struct CapReport {
  int64_t window = 0;           // positions, the begin mark included
  std::vector<int64_t> caps{};  // per stage; -1: none
  int64_t windows = 0, cut_windows = 0;
  std::vector<int64_t> rows{}, cut{},
      largest{};  // per stage: rows without caps, of them cut, most in a window
};
CapReport count_cut_rows(const std::vector<std::vector<int32_t>>& texts, const Splitter& splitter,
                         const std::vector<int64_t>& caps, int64_t window);

}  // namespace aunet
