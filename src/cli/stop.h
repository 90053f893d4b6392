// aunet stop [SWEEP|KEY...]: asks living runs and their supervisor to checkpoint and end.
// aunet retry SWEEP|KEY...: marks failed runs as to be tried again.
#pragma once

#include "cli/command.h"

namespace aunet {

/// Exit code 0: nothing of what was named runs any more; 1: something still does after --wait seconds.
int cmd_stop(const Args& args);

/// Exit code 0 also when nothing was to be marked; 1: a run could not be marked, because somebody works on
/// it.
int cmd_retry(const Args& args);

}  // namespace aunet
