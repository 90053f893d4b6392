// Pre-tokenizer patterns of tokenizer.json files, which are written for Oniguruma; ours run in PCRE2.
#pragma once

#include <string>

#include "baselines/bpe_merges.h"

namespace aunet {

/// The pre-tokenizer that matches as `regex` does in Oniguruma (Ruby syntax, UTF-8): one of the named
/// patterns, or `regex` itself where both engines read it alike.
///
/// Throws   ConfigError `where: ...` for a construct that they read differently ('^', '$', '\w', '{n}+',
///          nested classes, ...), that one of them lacks, or for a pattern that matches nothing
BpePattern pattern_of_onig(const std::string& regex, const std::string& where);

/// A named or own pattern as Oniguruma reads it.
std::string onig_of_pattern(const BpePattern& pattern);

/// What the ByteLevel pre-tokenizer splits by: GPT-2's pattern.
/// Source: huggingface/tokenizers, pre_tokenizers/byte_level.rs.
extern const char* const kByteLevelRegex;

}  // namespace aunet
