// Byte-level BPE: pieces from a pre-tokenizer regex, inside each piece the lowest-ranked merge first.
//
// Ids are ranks, as in tiktoken's rank files (one "base64(token) rank" a line); encode() gives tiktoken's
// encode_ordinary() for the four published patterns. Special tokens are plain text.
#pragma once

#include "core/regex.h"
#include "data/tokenizer.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace aunet {

/// gpt2, cl100k_base, o200k_base, llama3.
const std::vector<std::string>& bpe_pattern_names();
/// The pattern by its name. Throws ConfigError with the nearest legal name.
/// Source: openai/tiktoken tiktoken_ext/openai_public.py; meta-llama/llama-models tokenizer.py.
const std::string& bpe_pattern(const std::string& name);

/// (left id, right id) -> id of the joined token. Open addressing, at most half full.
class PairTable {
 public:
  void reserve(size_t n_pairs);
  void insert(int32_t left, int32_t right, int32_t joined);
  int32_t find(int32_t left, int32_t right) const;  ///< -1 when the pair joins to no token

 private:
  struct Slot {
    int32_t left = -1, right = -1, joined = -1;
  };
  size_t slot_of(int32_t left, int32_t right) const;
  std::vector<Slot> slots_;
  int shift_ = 64;
};

class Bpe final : public Tokenizer {
 public:
  /// `tokens[i]` are the bytes of id i; all 256 single bytes must be among them. "" marks an unused id.
  Bpe(std::vector<std::string> tokens, const std::string& pattern_name);

  /// Reads a tiktoken rank file, plain or .zst. Throws Error `path:line: ...`.
  static Bpe load(const std::string& path, const std::string& pattern_name);
  void save(const std::string& path) const;

  /// Learns `vocab` - 256 merges from the texts. Ids 0-255 are the bytes in order, id 256 + m is merge m.
  /// Each merge joins the most frequent pair of neighbours inside pieces; on equal counts the one with the
  /// smaller (left id, right id). Counts in overlapping runs ("aaa") count every neighbour pair.
  /// Deterministic. Throws ConfigError when the texts hold fewer than vocab - 256 distinct merges.
  static Bpe train(const std::vector<std::string_view>& texts, int64_t vocab,
                   const std::string& pattern_name);

  /// Any bytes: each byte that is no part of valid UTF-8 is a piece of its own.
  void encode(std::string_view text, std::vector<int32_t>& ids) const override;
  /// Inverse of encode; marks give nothing. Throws ConfigError for an id outside the vocabulary.
  std::string decode(const std::vector<int32_t>& ids) const;

  std::string text(int32_t id) const override;
  int64_t n_bytes(int32_t id) const override;
  int32_t begin_id() const override { return static_cast<int32_t>(tokens_.size()); }
  int32_t end_id() const override { return static_cast<int32_t>(tokens_.size()) + 1; }
  int64_t vocab_size() const override { return static_cast<int64_t>(tokens_.size()) + 2; }
  const std::string& token(int32_t id) const { return tokens_[id]; }
  const std::string& pattern_name() const { return pattern_name_; }
  /// Hash of the tokens in order and the pattern.
  std::string fingerprint() const override;

 private:
  void encode_valid(std::string_view text, std::vector<int32_t>& ids) const;
  void encode_piece(std::string_view piece, std::vector<int32_t>& ids) const;
  void merge_short(std::vector<int32_t>& parts) const;
  void merge_long(std::vector<int32_t>& parts) const;

  std::vector<std::string> tokens_;
  std::string pattern_name_;
  Regex pattern_;
  std::unordered_map<std::string, int32_t> id_of_;
  std::array<int32_t, 256> byte_id_{};
  PairTable pairs_;
  uint64_t serial_;  // tells instances apart in the per-thread cache of pieces
};

}  // namespace aunet
