// aunet bundle KEY -o F: a finished cell as one file that it can be repeated from.
// aunet repeat KEY|BUNDLE [--verify]: runs it again, and says whether it came to the same.
#pragma once

#include "cli/command.h"

namespace aunet {

int cmd_bundle(const Args& args);

/// Exit code 0: done, with --verify also equal; 1: different, or the run failed; 2 (ConfigError): no such
/// run, its data missing or changed, a damaged bundle; 75: interrupted, the same command goes on.
int cmd_repeat(const Args& args);

}  // namespace aunet
