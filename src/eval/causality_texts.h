// The texts of the causality gate: places in held-out text, other futures for them, and an adversarial list.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/random.h"
#include "data/corpus.h"

namespace aunet {

/// A text with two futures: equal up to the byte `t`, and different somewhere after it.
struct Fork {
  std::string before, after;
  int64_t t = 0;
  const char* kind = "";  // "change" | "insert" | "delete" | "replace"
};

/// Other futures for `text` after byte t: its first byte changed, something inserted, up to three bytes
/// deleted, or everything replaced by another text of another length.
Fork fork_text(RandomStream& random, std::string_view text, int64_t t);

/// A fork at a byte t drawn uniformly from all held-out bytes, with the text before it from the same document
/// (8 to 40 bytes; one in eight has 8 to context_bytes, small counts as likely as large ones on a logarithmic
/// scale) and a future of 2 to 5 bytes (one in eight: up to 64). `heldout` has at least one byte.
class HeldoutForks {
 public:
  HeldoutForks(const Corpus& heldout, int64_t context_bytes, uint64_t seed);
  Fork next();

 private:
  const Corpus& heldout_;
  int64_t context_bytes_;
  RandomStream random_;
  int64_t drawn_ = 0;
};

/// Pieces of held-out text of at most 128 bytes that begin and end at a character, at places drawn uniformly,
/// until they hold `n_bytes`; of a corpus that has no more than that every byte, once.
std::vector<std::string_view> sample_pieces(const Corpus& heldout, int64_t n_bytes, uint64_t seed);

/// Where split rules are known to hesitate: ends of words, numbers, white space runs, quotes, multi-byte
/// characters; sequences that are no UTF-8; U+180E, which some libraries call white space.
std::span<const std::string_view> adversarial_texts();

}  // namespace aunet
