// GPT-2's letters for bytes: how tokenizer.json spells tokens that are no text.
//
// The 188 printable bytes of Latin-1 stand for themselves, the others for U+0100 and on, in byte order.
// Source: openai/gpt-2 src/encoder.py, bytes_to_unicode(); the ByteLevel parts of Hugging Face tokenizers.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace aunet {

/// The bytes in the order of their letters' code points, which is the order of GPT-2's first 256 ids.
const std::array<uint8_t, 256>& bytes_by_letter();

/// The bytes as letters, in UTF-8.
std::string letters_of_bytes(std::string_view bytes);

/// Sets `bytes` to what `letters` (valid UTF-8) stand for; false when a character is no letter.
bool bytes_of_letters(std::string_view letters, std::string& bytes);

}  // namespace aunet
