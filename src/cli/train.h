// aunet train and aunet resume: one run, without a sweep.
#pragma once

#include "cli/command.h"

namespace aunet {

/// Resolves an experiment (horizon, tokenizer, fingerprints), makes its run directory, becomes the trainer.
int cmd_train(const Args& args);
/// Becomes the trainer of an existing run directory, which goes on from its newest checkpoint.
int cmd_resume(const Args& args);

}  // namespace aunet
