// tiktoken rank files: one "base64(token) rank" a line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aunet {

/// Tokens by rank; "" where a rank is missing. Throws Error `name:line: ...`.
std::vector<std::string> parse_rank_file(std::string_view content, const std::string& name);
std::string rank_file_text(const std::vector<std::string>& tokens);

std::string base64_encode(std::string_view bytes);
/// Appends the decoded bytes; false when `text` is not padded standard base64.
bool base64_decode(std::string_view text, std::string& bytes);

}  // namespace aunet
