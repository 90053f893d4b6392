// Tokenizers on disk: tiktoken rank files and Hugging Face tokenizer.json, plain or zstd-compressed.
//
// The content says which; a run's copy has neither's suffix.
#pragma once

#include <string>
#include <string_view>

#include "baselines/bpe_merges.h"

namespace aunet {

/// The pattern name that stands for "as the tokenizer.json says".
inline constexpr const char* kJsonPattern = "json";

/// What the content of a file says. `pattern` is a name of bpe.h, or kJsonPattern, or "" (gpt2 for a rank
/// file, its own for a tokenizer.json).
///
/// Throws   Error `name:line: ...` for a broken rank file, ConfigError `name: key: ...` for a tokenizer.json
///          that Bpe cannot honour, and for a pattern that is unknown or not the file's
BpeParts parse_tokenizer(std::string_view content, const std::string& name, const std::string& pattern);

/// The same from a path. Throws Error when the file cannot be read or decompressed.
BpeParts read_tokenizer(const std::string& path, const std::string& pattern);

/// The content for a path: tokenizer.json for `.json`, a rank file for all else, which holds neither special
/// tokens nor the pattern.
///
/// Throws   ConfigError `path: ...` for a tokenizer whose ids are not its ranks, or with a pattern of its
/// own,
///          when the path wants a rank file
std::string tokenizer_text(const BpeParts& parts, const std::string& path);

}  // namespace aunet
