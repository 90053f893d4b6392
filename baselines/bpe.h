// Byte-level BPE: pieces from a pre-tokenizer regex, inside each piece the lowest-ranked merge first.
//
// From a tiktoken rank file (ids are ranks), encode() gives tiktoken's encode_ordinary(); from a Hugging Face
// tokenizer.json (merges have an order of their own), that library's ids. Special tokens are plain text in
// encode(); decode() knows theirs.
#pragma once

#include "baselines/bpe_merges.h"
#include "baselines/pair_table.h"
#include "baselines/pretokenizer.h"
#include "data/tokenizer.h"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace aunet {

/// gpt2, cl100k_base, o200k_base, llama3.
const std::vector<std::string>& bpe_pattern_names();
/// The pattern by its name. Throws ConfigError with the nearest legal name.
/// Source: openai/tiktoken tiktoken_ext/openai_public.py; meta-llama/llama-models tokenizer.py.
const std::string& bpe_pattern(const std::string& name);
/// Special tokens, by id, of the published tokenizer that has the pattern and as many ranks; none for others.
/// Source: as bpe_pattern (llama-models 0.3.0).
std::map<int32_t, std::string> published_specials(const std::string& pattern_name, size_t n_ranks);

/// How a tokenizer is trained, apart from what decides it: texts, vocabulary and pattern.
struct BpeTraining {
  int threads = 1;               // the result is the same for any number
  bool gpt2_byte_order = false;  // ids 0-255: false: the bytes by value; true: as GPT-2 and Hugging Face have
                                 // them (bytes_by_letter). Decides ties
};

class Bpe final : public Tokenizer {
 public:
  /// All 256 single bytes must be among the tokens. Throws Error when they are not, or a token occurs twice.
  explicit Bpe(BpeParts parts);
  /// Ids are ranks: `tokens[i]` are the bytes of id i, "" marks an unused one.
  Bpe(std::vector<std::string> tokens, const std::string& pattern_name);
  Bpe(Bpe&&) noexcept = default;
  Bpe(const Bpe&) = delete;  // its table of tokens points into itself

  /// Reads a tiktoken rank file or a tokenizer.json (baselines/tokenizer_file.h: formats, patterns, errors).
  static Bpe load(const std::string& path, const std::string& pattern_name);
  /// Writes a tokenizer.json when the path ends in `.json`, else a rank file. Throws as tokenizer_text().
  void save(const std::string& path) const;

  /// Learns `vocab` - 256 merges from the texts. Ids 0-255 are the bytes, id 256 + m is merge m.
  /// Each merge joins the most frequent pair of neighbours inside pieces; on equal counts the one with the
  /// smaller (left id, right id). Counts in overlapping runs ("aaa") count every neighbour pair.
  /// Deterministic. With gpt2_byte_order the merges are those of Hugging Face's BpeTrainer (min_frequency 0,
  /// initial_alphabet all bytes, no special tokens) with the same pattern and texts.
  /// Throws ConfigError when the texts hold fewer than vocab - 256 distinct merges.
  static Bpe train(const std::vector<std::string_view>& texts, int64_t vocab, const std::string& pattern_name,
                   const BpeTraining& training = {});

  /// Any bytes: each byte that is no part of valid UTF-8 is a piece of its own.
  void encode(std::string_view text, std::vector<int32_t>& ids) const override;
  /// Inverse of encode for any ids. Marks give nothing, special tokens their text (also where a published one
  /// shares its id with a mark). Throws ConfigError `where: ...` for an id that is negative, too large or
  /// unused.
  std::string decode(const std::vector<int32_t>& ids, const std::string& where = "id") const;

  std::string text(int32_t id) const override;
  int64_t n_bytes(int32_t id) const override;
  int32_t begin_id() const override { return static_cast<int32_t>(parts_.tokens.size()); }
  int32_t end_id() const override { return begin_id() + 1; }
  int64_t vocab_size() const override { return begin_id() + 2; }
  /// What encode() gives the id for; "" for special tokens and unused ids.
  const std::string& token(int32_t id) const { return parts_.tokens[static_cast<size_t>(id)]; }
  /// "" for a pattern that has no name.
  const std::string& pattern_name() const { return parts_.pattern.name; }
  const Pretokenizer& pretokenizer() const { return pretokenizer_; }
  /// Hash of all that decides ids: tokens in order and the pattern; special tokens and merges when the
  /// tokenizer has its own.
  std::string fingerprint() const override;

 private:
  void encode_valid(std::string_view text, std::vector<int32_t>& ids) const;
  void encode_piece(std::string_view piece, std::vector<int32_t>& ids) const;
  void merge_short(std::vector<int32_t>& parts) const;
  void merge_long(std::vector<int32_t>& parts) const;
  int32_t joined(int32_t rank) const { return joined_.empty() ? rank : joined_[static_cast<size_t>(rank)]; }

  BpeParts parts_;
  std::map<int32_t, std::string> published_;  // special tokens that are none of the file's ids
  Pretokenizer pretokenizer_;
  TokenIds id_of_;
  std::array<int32_t, 256> byte_id_{};
  PairTable pairs_;
  std::vector<int32_t> joined_;  // [ranks] token of a merge; none: ids are ranks
  uint64_t serial_;              // tells instances apart in the per-thread cache of pieces
};

}  // namespace aunet
