// What a byte-level BPE is made of, and the two ways to write its merges down: as ids that are ranks
// (tiktoken), and as a list of merges in order (Hugging Face).
#pragma once

#include "baselines/token_ids.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace aunet {

/// Two neighbours become the token of their joined bytes. Its place in a list of merges is its rank.
struct BpeMerge {
  int32_t left, right, joined;  // ids
  bool operator==(const BpeMerge&) const = default;
};

/// The pre-tokenizer: a regular expression for core/regex.h, and its name ("" when it has none).
struct BpePattern {
  std::string name{}, regex{};
};

struct BpeParts {
  std::vector<std::string> tokens{};       // [ids] bytes; "" where encode() never gives the id
  std::map<int32_t, std::string> texts{};  // of ids that are only decoded: special tokens
  /// By rank. None: ids are ranks, and any two neighbours whose joined bytes are a token merge to it.
  std::optional<std::vector<BpeMerge>> merges{};
  bool whole_pieces = true;  // a piece that is a token is that token, whatever merges would give
  BpePattern pattern{};
};

/// All ways to cut a token in two tokens, for every token in order of ids: tiktoken's merges.
std::vector<BpeMerge> all_cuts(const std::vector<std::string>& tokens, const TokenIds& ids);

struct DerivedMerges {
  std::vector<BpeMerge> merges{};
  int64_t n_unreached = 0;  // tokens that merges of lower ranks do not lead to: only whole pieces give them
};

/// A list of merges that encodes as the tokens do when ids are ranks (unreached tokens by whole pieces).
///
/// A token's bytes, merged with ranks below its own, may end as two parts; then these are the only ones that
/// can stand side by side when its turn comes, and it has one merge. Or they do not; then parts of higher
/// ranks may yet give it in a longer piece: it has all its cuts, the longest left part first.
DerivedMerges derive_merges(const std::vector<std::string>& tokens);

}  // namespace aunet
