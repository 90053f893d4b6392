// A prepared shard: documents in a mapped file, with levels and ids that were computed once.
//
//   00007.text        sections text, offsets (u64, n + 1), hashes (u64, n)
//   00007.levels-ID   section levels: u8 a byte of text; ID: first digits of the hash of the rules' identity
//   00007.ids-ID      sections ids (u32), offsets (u64, n + 1); ID: of the tokenizer's fingerprint
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "data/shard_file.h"
#include "data/split_rules.h"
#include "data/text_block.h"
#include "data/tokenizer.h"

namespace aunet {

/// Where the reading of the sources stood when a shard was full: the next one goes on behind it.
struct ReadingPlace {
  int64_t file = 0, line = 0;  // index into the sources' files; the last line that was read
};

/// Levels or ids that a prepared corpus holds beside its texts.
struct DerivedName {
  enum class Kind { Levels, Ids };
  Kind kind = Kind::Levels;
  std::string identity{};      // split_identity of config/rule_file.h, or a tokenizer's fingerprint
  std::string label{};         // for people
  std::string suffix() const;  ///< "levels-ID", "ids-ID"
  bool operator==(const DerivedName&) const = default;
};

std::string shard_path(const std::string& folder, int64_t shard, const std::string& suffix);

/// Writes FOLDER/NNNNN.text. Throws Error as write_shard_file.
void write_text_shard(const std::string& folder, int64_t shard, const MemoryBlock& block,
                      const ReadingPlace& end);

class Shard final : public TextBlock {
 public:
  /// Maps the text and what was derived from it. Throws Error when a file is missing, damaged, or was made
  /// from another text.
  Shard(const std::string& folder, int64_t shard, const std::vector<DerivedName>& derived);

  int64_t n_documents() const override { return static_cast<int64_t>(hashes_.size()); }
  int64_t offset(int64_t i) const override;
  std::string_view piece(int64_t i, int64_t begin, int64_t end) const override;
  uint64_t text_hash(int64_t i) const override;
  std::span<const uint8_t> levels(int64_t i, int64_t n, std::string_view rules) const override;
  std::span<const uint32_t> ids(int64_t i, std::string_view tokenizer) const override;

  ReadingPlace end() const;
  /// Hash of the documents' hashes: what derived files say they were made from.
  const std::string& digest() const { return digest_; }
  void check_all() const;  ///< throws Error naming the first damaged file and place

 private:
  struct Ids {
    std::unique_ptr<ShardFile> file;
    std::span<const uint32_t> ids;
    std::span<const uint64_t> offsets;
  };
  struct Levels {
    std::unique_ptr<ShardFile> file;
    std::span<const uint8_t> levels;
  };
  void add(const std::string& folder, int64_t shard, const DerivedName& name);

  ShardFile text_file_;
  std::span<const char> text_;
  std::span<const uint64_t> offsets_, hashes_;
  std::string digest_;
  std::map<std::string, Levels, std::less<>> levels_;  // by identity
  std::map<std::string, Ids, std::less<>> ids_;
};

/// Computes FOLDER/NNNNN.levels-ID of a shard. `splitter` has the rules of `name`.
void write_levels(const std::string& folder, int64_t shard, const Shard& texts, const DerivedName& name,
                  const Splitter& splitter);
/// FOLDER/NNNNN.ids-ID.
void write_ids(const std::string& folder, int64_t shard, const Shard& texts, const DerivedName& name,
               const Tokenizer& tokenizer);

}  // namespace aunet
