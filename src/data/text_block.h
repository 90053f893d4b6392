// A run of documents, in memory (here) or mapped from a prepared shard (data/shard.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aunet {

/// Documents numbered from 0. Immutable once a corpus holds it; safe for several threads.
class TextBlock {
 public:
  virtual ~TextBlock() = default;
  virtual int64_t n_documents() const = 0;
  /// Where document `i` begins among the block's bytes; i = n_documents(): their number.
  virtual int64_t offset(int64_t i) const = 0;
  int64_t size(int64_t i) const { return offset(i + 1) - offset(i); }
  /// Bytes [begin, end) of document `i`. A mapped block reads and checks only those.
  virtual std::string_view piece(int64_t i, int64_t begin, int64_t end) const = 0;
  /// XXH3-64 of the text.
  virtual uint64_t text_hash(int64_t i) const = 0;
  /// Levels of the document's first `n` bytes, a byte per byte, as the rules of that split_identity
  /// (config/rule_file.h) give them for the whole of it; empty when nobody has computed them.
  virtual std::span<const uint8_t> levels(int64_t /*i*/, int64_t /*n*/, std::string_view /*rules*/) const {
    return {};
  }
  /// Ids of the whole document by the tokenizer of that fingerprint; empty when nobody has computed them.
  virtual std::span<const uint32_t> ids(int64_t /*i*/, std::string_view /*tokenizer*/) const { return {}; }
};

/// Documents that are added one by one.
class MemoryBlock final : public TextBlock {
 public:
  void add(std::string_view text);
  /// The document that was appended to `bytes()` behind the last one ends here.
  void end_document();
  std::string& bytes() { return bytes_; }
  const std::string& bytes() const { return bytes_; }
  int64_t n_documents() const override { return static_cast<int64_t>(hashes_.size()); }
  int64_t offset(int64_t i) const override { return offsets_[static_cast<size_t>(i)]; }
  std::string_view piece(int64_t i, int64_t begin, int64_t end) const override;
  uint64_t text_hash(int64_t i) const override { return hashes_[static_cast<size_t>(i)]; }

 private:
  std::string bytes_;
  std::vector<int64_t> offsets_{0};
  std::vector<uint64_t> hashes_;
};

}  // namespace aunet
