#include "baselines/rank_file.h"

#include "core/error.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace aunet {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr size_t kMaxRank =
    10'000'000;  // a rank far above any vocabulary is a broken file, not a reason to allocate

std::array<int8_t, 256> make_values() {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  for (size_t i = 0; i < kAlphabet.size(); ++i)
    values[static_cast<uint8_t>(kAlphabet[i])] = static_cast<int8_t>(i);
  return values;
}

}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    const size_t n = std::min<size_t>(3, bytes.size() - i);
    for (size_t k = 0; k < 3; ++k) group = group << 8 | (k < n ? static_cast<uint8_t>(bytes[i + k]) : 0u);
    for (size_t k = 0; k < 4; ++k) out += k <= n ? kAlphabet[group >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

bool base64_decode(std::string_view text, std::string& bytes) {
  static const auto values = make_values();
  if (text.size() % 4 != 0) return false;
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  for (size_t i = 0; i < text.size(); i += 4) {
    const size_t n_padding = i + 4 == text.size() ? padding : 0;
    uint32_t group = 0;
    for (size_t k = 0; k < 4; ++k) {
      const int value = k >= 4 - n_padding ? 0 : values[static_cast<uint8_t>(text[i + k])];
      if (value < 0) return false;
      group = group << 6 | static_cast<uint32_t>(value);
    }
    for (size_t k = 0; k + n_padding < 3; ++k) bytes += static_cast<char>(group >> (16 - 8 * k));
  }
  return true;
}

std::vector<std::string> parse_rank_file(std::string_view content, const std::string& name) {
  std::vector<std::string> tokens;
  for (int64_t number = 1; !content.empty(); ++number) {
    const size_t end = std::min(content.find('\n'), content.size());
    const std::string_view line = trim(content.substr(0, end));
    content.remove_prefix(std::min(end + 1, content.size()));
    if (line.empty()) continue;
    const auto fail = [&](const std::string& what) {
      throw Error(fmt::format("{}:{}: {}", name, number, what));
    };
    const auto space = line.find(' ');
    size_t rank = 0;
    std::string token;
    if (space == std::string_view::npos || !base64_decode(line.substr(0, space), token) || token.empty()) {
      fail("expected 'base64(token) rank'");
    }
    const auto digits = line.substr(space + 1);
    const auto [digits_end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), rank);
    if (error != std::errc() || digits_end != digits.data() + digits.size() || rank > kMaxRank) {
      fail(fmt::format("rank: expected a whole number up to {}, got '{}'", kMaxRank, digits));
    }
    if (rank >= tokens.size()) tokens.resize(rank + 1);
    if (!tokens[rank].empty()) fail(fmt::format("rank {} occurs twice", rank));
    tokens[rank] = std::move(token);
  }
  return tokens;
}

std::string rank_file_text(const std::vector<std::string>& tokens) {
  std::string text;
  for (size_t rank = 0; rank < tokens.size(); ++rank) {
    if (!tokens[rank].empty()) text += fmt::format("{} {}\n", base64_encode(tokens[rank]), rank);
  }
  return text;
}

}  // namespace aunet
