// Tuning axes that change the model: a family with another vocabulary, split rule or byte-stage width.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/sweep_spec.h"
#include "sweep/plan.h"
#include "sweep/tuning.h"

namespace aunet {

/// Where the model axes of a family stand. Default: as in the file.
struct ModelSetting {
  int64_t vocab = 0;      // ids of the trained tokenizer; 0: the file's
  std::string split;      // split rules; "": the file's
  double byte_width = 1;  // width of stage 1 over what `sizes` says
  bool operator==(const ModelSetting&) const = default;
  std::string text() const;  ///< "vocab 2048 split word1=2@1 byte_width 1.41"; "" as in the file
};

/// The family with its model moved: FamilySpec::variant tells it apart wherever rows of data are remembered.
/// Sizes follow the family's own rule for the moved model: explicit widths stay, a ladder takes the rung of
/// the same FLOPs per byte. Asks the data for the vocabulary that a retrained tokenizer came out with.
FamilySpec with_model(const FamilySpec& family, const ModelSetting& setting, const SweepSpec& spec,
                      const FactsProvider& facts);

/// The model axes of a family as the rule moves along them, around the file's own model.
///
/// vocab       factors of 2 between 258 and 2^18 ids; the tokenizer is retrained
/// split       the entries of FamilySpec::splits, one by one
/// byte_width  factors of sqrt 2, stage 1 between 16 and the width of stage 2 of `sized`, the model at the
/// start
SearchAxis model_axis(const std::string& name, const FamilySpec& family, const ModelConfig& sized);
bool is_model_axis(const std::string& name);
/// Moves `setting` by `steps` along the axis, from the file's model.
void move_model(const std::string& name, int steps, const FamilySpec& family, ModelSetting& setting);

}  // namespace aunet
