// Tokenizers and split rules as options of verbs that take several.
#pragma once

#include <string>
#include <vector>

#include "baselines/bpe.h"
#include "config/split_rule.h"

namespace aunet {

/// FILE or FILE@PATTERN, the name of a published pattern; without one a tokenizer.json has its own, and ranks
/// have gpt2.
Bpe load_named_tokenizer(const std::string& text);

/// Rules with the hashes of the files they read; `option` names who asked.
std::vector<SplitRule> resolved_rules(const std::string& text, const std::string& option);

/// "causal" or "official"; throws ConfigError `--mode: ...`.
SplitMode parse_mode(const std::string& text);

}  // namespace aunet
