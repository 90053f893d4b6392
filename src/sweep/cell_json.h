// A plan as JSON: what `aunet plan --json` prints, RUNS/plans/NAME.json holds and the database ingests.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "sweep/plan.h"

namespace aunet {

/// The fields of DESIGN section 6 without `state` and `seconds` (the command line knows those):
///   key (null without data), family, params{total,non_embedding,active,embedding},
///   flops{paper,useful,executed,budget,error}, bytes, tokens (null for byte models), epochs (null when the
///   corpus is not known), steps, batch{sequences,units,bytes}, lr, memory_bytes,
/// and of this house: role, size_index, budget (= flops.budget), convention, model (one line), lr_source,
/// provisional, warnings, text_bytes (= bytes), rows (per stage, whole run), windows, last_window_bytes,
/// seeds{init,data}, inference_flops_per_byte, law{lr,batch_units} (what the paper's laws say here).
nlohmann::json cell_to_json(const Cell& cell);

/// {"sweep","convention","tuning_complete","cells":[...],"excluded":[{"reason","cell"}],"notes":[...]}
nlohmann::json plan_to_json(const Plan& plan);

/// One line for people: "aunet 32,64 x 1,3", "llama 64 x 3 v1024".
std::string model_line(const ModelConfig& model);

}  // namespace aunet
