// The way from `aunet` (no LibTorch, starts in milliseconds) to `aunet-torch` beside it.
#pragma once

#include <string>

#include "cli/command.h"

namespace aunet {

/// Path of the program that trains: `aunet-torch` in the folder of this binary. AUNET_TRAINER names another
/// one, which is called in the same way (`PROGRAM train-run RUN_DIR`); for tests. Throws Error that says how
/// to build it when it is not there.
std::string torch_binary();

/// Path of this program.
std::string own_program();

/// Replaces this process by `aunet-torch VERB ARGS...`. Returns only by throwing Error.
[[noreturn]] void exec_torch(const std::string& verb, const Args& args);

/// Verbs that need tensors, under the same names in `aunet`.
int cmd_torch_verify(const Args& args);
int cmd_torch_bench(const Args& args);
int cmd_torch_eval(const Args& args);
int cmd_torch_generate(const Args& args);

}  // namespace aunet
