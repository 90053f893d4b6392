// Text from the model of a run.
#pragma once

#include "cli/command.h"

namespace aunet {

/// aunet generate RUN|CHECKPOINT --prompt TEXT | --prompts FILE [--max-bytes N] [--temperature T] [--top-k K]
/// [--top-p P] [--seed S] [--stop STRING]... [--json]: continues the prompts (eval/generate.h) with the
/// newest complete checkpoint, or the one named. Prints each continuation as it comes, several one after the
/// other; speed and the share of steps that woke each stage go to stderr. Writes nothing into the run.
///
/// --json prints one object instead: prompts [{text, base64, bytes, units, stopped}], bytes,
/// bytes_per_second, prompt_units, prefill_seconds, seconds, woken [share of steps per stage; empty when no
/// step was needed], key, step. `text` has U+FFFD for bytes that are no UTF-8; then `base64` holds the exact
/// bytes, else it is null.
int cmd_generate(const Args& args);

}  // namespace aunet
