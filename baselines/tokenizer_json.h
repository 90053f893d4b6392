// Hugging Face tokenizer.json of the byte-level BPE kind.
//
// Read exactly or refused: what changes ids in a way that Bpe does not have (normalizers, dropout, prefixes,
// truncation, other pre-tokenizers, ...) is an error that names the key. What only adds marks around a text
// (post_processor) has no meaning here, and special tokens are plain text, as everywhere in this house: the
// ids are those of `encode(text, add_special_tokens=False)` with `encode_special_tokens` set.
//
// Source: huggingface/tokenizers 0.23, models/bpe/{model,serialization}.rs,
// pre_tokenizers/{byte_level,split}.rs.
#pragma once

#include <string>
#include <string_view>

#include "baselines/bpe_merges.h"

namespace aunet {

/// True when a tokenizer file's content is JSON and no rank file.
bool is_json(std::string_view content);

/// What a file says. A tokenizer whose ids are ranks comes out as from its rank file.
/// Throws   ConfigError `name: key: expected, got`
BpeParts parse_tokenizer_json(std::string_view content, const std::string& name);

/// The file of a tokenizer. Special tokens stand in the vocabulary too, so that the library keeps their ids.
std::string tokenizer_json_text(const BpeParts& parts);

}  // namespace aunet
