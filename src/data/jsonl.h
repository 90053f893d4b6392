// JSONL as corpora are stored: one {"text": ...} object a line, plain or compressed (data/byte_reader.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace aunet {

/// Calls `each(line, number)` for every line of a file (`.zst`, `.gz`: decompressed on the fly; numbers from
/// 1; no line end). Throws as ByteReader; BrokenFile says `path:line: ...`.
void for_each_line(const std::string& path,
                   const std::function<void(std::string_view line, int64_t number)>& each);

/// Appends the value of "text" of one line to `out`. `where` (path:line) begins the messages of errors.
/// Lone surrogate escapes become U+FFFD; returns how many there were.
/// Throws ConfigError for invalid UTF-8 (naming the byte), invalid JSON, a missing "text" or one that is no
/// string.
int64_t append_text_field(std::string_view line, const std::string& where, std::string& out);

}  // namespace aunet
