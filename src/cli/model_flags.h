// A model from the flags that the benchmarks share with the PyTorch peer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/command.h"
#include "config/model_config.h"

namespace aunet {

/// "64,256" as positive integers. Throws ConfigError that names --`option`.
std::vector<int64_t> positive_integers(const std::string& text, const char* option);

/// From --model (aunet or llama), --dims, --layers, --head-dims, --windows, --vocab (0: 258 or 128256) and
/// --multiple-of. No split rules. Throws ConfigError.
ModelConfig model_from_flags(const boost::program_options::variables_map& values);

}  // namespace aunet
