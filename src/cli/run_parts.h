// What a run directory says, as live objects: shared by the verbs that train and evaluate.
#pragma once

#include <memory>
#include <string>

#include "config/run_config.h"
#include "core/run_dir.h"
#include "data/batch.h"
#include "data/corpus.h"
#include "data/tokenizer.h"
#include "model/language_model.h"

namespace aunet {

/// The parts every verb needs. Not movable: the builder refers to the tokenizer.
struct RunParts {
  /// Reads run.toml and the tokenizer, sets the thread counts (run.threads for tensor work, 1 between
  /// operators) and builds the model with its initial weights on the run's device.
  /// Throws ConfigError (bad or unresolved run.toml; "cuda" without a GPU), Error (no tokenizer file),
  /// RunFailure "config" (another tokenizer than planned)
  explicit RunParts(const RunDir& dir);

  RunConfig run;
  std::string key;
  std::unique_ptr<Tokenizer> tokenizer;
  std::unique_ptr<SequenceBuilder> builder;
  at::Device device;
  std::shared_ptr<LanguageModel> model;
};

/// Reads a corpus and compares its content with the run's fingerprint.
/// Throws RunFailure "config" (corpus changed), Error as read_corpus. No held-out files: an empty corpus.
Corpus read_train_corpus(const RunConfig& run);
Corpus read_heldout_corpus(const RunConfig& run);

}  // namespace aunet
