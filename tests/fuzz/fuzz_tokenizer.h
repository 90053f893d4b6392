// What both tokenizer targets do with a content: parse it, and use what came out.
#pragma once

#include "baselines/bpe.h"
#include "baselines/tokenizer_file.h"
#include "core/error.h"

#include <string>
#include <string_view>
#include <vector>

namespace aunet {

/// Parses `content`, then encodes and decodes a text and the content itself. An Error or ConfigError is the
/// answer for a broken file; everything else that is thrown, and a text that does not come back, is a
/// finding.
inline void fuzz_tokenizer(std::string_view content) {
  try {
    const Bpe bpe(parse_tokenizer(content, "fuzz", ""));
    for (const std::string_view text :
         {std::string_view("The cat's 12,345\n\n  caf\xc3\xa9 \xe4\xb8\xad\xff"), content.substr(0, 512)}) {
      std::vector<int32_t> ids;
      bpe.encode(text, ids);
      require(bpe.decode(ids) == text, "fuzz: a text did not come back");
    }
    require(!bpe.fingerprint().empty(), "fuzz: no fingerprint");
  } catch (const ConfigError&) {
  } catch (const Error&) {
  }
}

}  // namespace aunet
