// One experiment -> one cell: the same counting and the same key as in a sweep.
#pragma once

#include "config/experiment.h"
#include "sweep/plan.h"

namespace aunet {

/// The experiment's run with horizon and batch resolved: `flops` by its convention within 0.1 %, `bytes` to
/// the byte (UTF-8 borders), `steps` and windows as given. `facts` is asked for a family of the experiment's
/// name and model. Throws ConfigError when the budget cannot be met; nothing is excluded, repeated data are
/// only a warning.
Cell resolve_experiment(const ExperimentSpec& experiment, const FactsProvider& facts);

}  // namespace aunet
