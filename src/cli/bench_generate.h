// `bench generate`: cascaded generation against recomputing the window for each byte.
#pragma once

#include "cli/command.h"

namespace aunet {

/// Random weights, causal word rules (word1, word2, word4, ...), and the bytes of a real text in the place of
/// drawn ones, so that stages wake as often as in text. Both ways read the same last --bytes bytes of a text
/// of --context bytes: step by step from caches, and by a whole packed forward of the text so far for each.
/// --json: {"bytes_per_second": {"cascaded", "recomputed"}, "ratio", "woken": [share of steps per stage],
/// "largest_logit_difference", "bytes", "context", "threads", "params"}.
int cmd_bench_generate(const Args& args);

}  // namespace aunet
