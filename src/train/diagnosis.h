// What a run looked like when it failed: for `aunet why`.
#pragma once

#include "core/journal.h"
#include "data/corpus.h"
#include "model/language_model.h"

namespace aunet {

/// Norms of weights and gradients per part of the model, the rates of the last five steps, and the documents
/// of step `step`'s batch (the first 32). `model` holds the gradients of that step; AdamW leaves the weights
/// alone when the gradients' norm is not finite. Rereads the training stream up to that step: seconds, once,
/// at a failure.
DiagnosisRecord diagnose(LanguageModel& model, const RunConfig& run, const Corpus& train, int64_t step,
                         int64_t attempt);

/// The part of the model that an official parameter belongs to: "embedding", "stage K encoder", "stage K to
/// K+1" (pooling and upsampling), "trunk" (a transformer's layers too), "stage K decoder", "head".
std::string part_of(const std::string& parameter);

}  // namespace aunet
