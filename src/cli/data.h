// aunet data prepare|verify|inspect: corpora before they are trained on.
#pragma once

#include "cli/command.h"

namespace aunet {

int cmd_data(const Args& args);

}  // namespace aunet
