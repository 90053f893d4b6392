// `verify`: our models against golden vectors of the official code.
#pragma once

#include "cli/command.h"

namespace aunet {

/// Exit code 1 when an error is past the tolerance: 1e-5 on a CPU, 1e-4 on a GPU (fp32; DESIGN section 6).
int cmd_verify(const Args& args);

}  // namespace aunet
