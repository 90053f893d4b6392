// `aunet bpe`: train a tokenizer, encode and decode lines.
#pragma once

#include "cli/command.h"

namespace aunet {

int cmd_bpe(const Args& args);

}  // namespace aunet
