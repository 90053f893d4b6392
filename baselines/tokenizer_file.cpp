#include "baselines/tokenizer_file.h"

#include "baselines/bpe.h"
#include "baselines/rank_file.h"
#include "baselines/tokenizer_json.h"
#include "core/error.h"
#include "core/file.h"

#include <fmt/format.h>
#include <zstd.h>

#include <memory>

namespace aunet {
namespace {

constexpr std::string_view kZstdMagic = "\x28\xB5\x2F\xFD";

std::string decompress(std::string_view bytes, const std::string& path) {
  const std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> stream(ZSTD_createDStream(),
                                                                        ZSTD_freeDStream);
  std::string buffer(ZSTD_DStreamOutSize(), '\0'), text;
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  size_t open = 0;  // bytes that the frame still wants
  ZSTD_outBuffer out{};
  do {  // a full output buffer may hide more output after the last input byte
    out = {buffer.data(), buffer.size(), 0};
    const size_t before = in.pos, wanted = ZSTD_decompressStream(stream.get(), &out, &in);
    if (ZSTD_isError(wanted)) throw Error(fmt::format("{}: zstd: {}", path, ZSTD_getErrorName(wanted)));
    if (in.pos > before || out.pos > 0) open = wanted;  // else it asks for a further frame
    text.append(buffer.data(), out.pos);
  } while (in.pos < in.size || out.pos == buffer.size());
  if (open != 0) throw Error(fmt::format("{}: zstd: the file is truncated", path));
  return text;
}

}  // namespace

BpeParts parse_tokenizer(std::string_view content, const std::string& name, const std::string& pattern) {
  if (is_json(content)) {
    BpeParts parts = parse_tokenizer_json(content, name);
    if (pattern.empty() || pattern == kJsonPattern || pattern == parts.pattern.name) return parts;
    bpe_pattern(pattern);  // a name that is none is refused as such
    throw ConfigError(fmt::format("{}: pattern: expected none, or {}, which the file has, got '{}'", name,
                                  parts.pattern.name.empty() ? kJsonPattern : parts.pattern.name, pattern));
  }
  BpeParts parts;
  parts.pattern.name = pattern.empty() ? "gpt2" : pattern;
  parts.pattern.regex = bpe_pattern(parts.pattern.name);
  parts.tokens = parse_rank_file(content, name);
  return parts;
}

BpeParts read_tokenizer(const std::string& path, const std::string& pattern) {
  std::string content = read_file(path);
  if (content.starts_with(kZstdMagic)) content = decompress(content, path);
  return parse_tokenizer(content, path, pattern);
}

std::string tokenizer_text(const BpeParts& parts, const std::string& path) {
  if (path.ends_with(".json")) return tokenizer_json_text(parts);
  const auto refuse = [&](const char* got) {
    throw ConfigError(
        fmt::format("{}: expected a name that ends in .json for a tokenizer {}, got a rank file", path, got));
  };
  if (parts.merges) refuse("whose ids are not the ranks of its merges");
  if (parts.pattern.name.empty()) refuse("with a pattern of its own");
  return rank_file_text(parts.tokens);
}

}  // namespace aunet
