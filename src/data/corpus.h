// The documents that a run reads: numbered through over all sources, wherever they are kept.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/run_config.h"
#include "data/text_block.h"

namespace aunet {

/// Immutable; copies share the texts. Safe for several threads.
class Corpus {
 public:
  /// No documents at all: what a run without held-out files has.
  Corpus() = default;
  /// Blocks in the order of their sources; several blocks may belong to one source.
  struct Part {
    std::shared_ptr<const TextBlock> block;
    uint16_t source = 0;  // index into the sources
  };
  explicit Corpus(std::vector<Part> parts);
  /// One source with these texts.
  static Corpus of(const std::vector<std::string>& texts);

  bool empty() const { return n_documents() == 0; }
  int64_t n_documents() const { return first_document_.back(); }
  int64_t n_bytes() const { return first_byte_.back(); }
  int64_t n_sources() const;
  int64_t size(int64_t document) const;  ///< bytes of text
  std::string_view text(int64_t document) const { return piece(document, 0, size(document)); }
  /// Bytes [begin, end) of a document: of a mapped corpus only those are read and checked.
  std::string_view piece(int64_t document, int64_t begin, int64_t end) const;
  uint16_t source(int64_t document) const { return part_of(document).source; }
  /// Documents [first, last) of a source.
  struct Range {
    int64_t first = 0, last = 0;
  };
  Range documents_of(int64_t source) const;
  int64_t bytes_of(int64_t source) const;

  /// Byte `at` of all texts, one after the other: its document and its place there.
  struct Place {
    int64_t document = 0, offset = 0;
  };
  Place place(int64_t at) const;

  /// See TextBlock.
  uint64_t text_hash(int64_t document) const;
  std::span<const uint8_t> levels(int64_t document, int64_t n, std::string_view rules) const;
  std::span<const uint32_t> ids(int64_t document, std::string_view tokenizer) const;

 private:
  size_t index_of(int64_t document) const;
  const Part& part_of(int64_t document) const { return parts_[index_of(document)]; }

  std::vector<Part> parts_;
  std::vector<int64_t> first_document_{0}, first_byte_{0};  // [n_parts + 1]
};

/// Share of the training bytes that each source gets; they sum to 1. Weights over their sum; where no source
/// has a weight (0), sizes over theirs, so that all of them are read equally often. Throws BugError when some
/// have one and some have none: the reader of the configuration refuses that.
std::vector<double> source_shares(const Corpus& corpus, const std::vector<SourceConfig>& sources);

/// What the corpus is, for run keys: hash over sources in order, of the hash and length of each document and
/// of the source's share to 12 digits. Not of paths, compression, or whether it was prepared; shares, so that
/// weights 1:2 and .3:.6 are the same mixture. Reads no text. Second version: releases before prepared
/// corpora hashed the texts themselves.
std::string fingerprint(const Corpus& corpus, const std::vector<SourceConfig>& sources);
/// The same for texts that nobody mixes.
std::string fingerprint(const Corpus& corpus);

}  // namespace aunet
