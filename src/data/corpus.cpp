#include "data/corpus.h"

#include "core/error.h"
#include "core/hash.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace aunet {
namespace {

std::string hash_corpus(const Corpus& corpus, const std::vector<double>& shares) {
  Hasher hasher;
  hasher.update("corpus 2\n");
  for (size_t s = 0; s < shares.size(); ++s) {
    const auto [first, last] = corpus.documents_of(static_cast<int64_t>(s));
    for (int64_t d = first; d < last; ++d) {
      const uint64_t words[2] = {corpus.text_hash(d), static_cast<uint64_t>(corpus.size(d))};
      hasher.update({reinterpret_cast<const char*>(words), sizeof words});
    }
    hasher.update(fmt::format("{} {:.12g}\n", last - first, shares[s]));
  }
  return hasher.hex();
}

}  // namespace

Corpus::Corpus(std::vector<Part> parts) : parts_(std::move(parts)) {
  for (size_t p = 0; p < parts_.size(); ++p) {
    require(p == 0 || parts_[p - 1].source <= parts_[p].source, "corpus: blocks not in order of sources");
    const TextBlock& block = *parts_[p].block;
    first_document_.push_back(first_document_.back() + block.n_documents());
    first_byte_.push_back(first_byte_.back() + block.offset(block.n_documents()));
  }
}

Corpus Corpus::of(const std::vector<std::string>& texts) {
  auto block = std::make_shared<MemoryBlock>();
  for (const std::string& text : texts) block->add(text);
  return Corpus({{std::move(block), 0}});
}

int64_t Corpus::n_sources() const { return parts_.empty() ? 0 : parts_.back().source + 1; }

size_t Corpus::index_of(int64_t document) const {
  return static_cast<size_t>(std::upper_bound(first_document_.begin(), first_document_.end(), document) -
                             first_document_.begin() - 1);
}

int64_t Corpus::size(int64_t document) const {
  const size_t p = index_of(document);
  return parts_[p].block->size(document - first_document_[p]);
}

std::string_view Corpus::piece(int64_t document, int64_t begin, int64_t end) const {
  const size_t p = index_of(document);
  return parts_[p].block->piece(document - first_document_[p], begin, end);
}

Corpus::Range Corpus::documents_of(int64_t source) const {
  Range range{-1, 0};
  for (size_t p = 0; p < parts_.size(); ++p) {
    if (parts_[p].source != source) continue;
    if (range.first < 0) range.first = first_document_[p];
    range.last = first_document_[p + 1];
  }
  return range.first < 0 ? Range{} : range;
}

int64_t Corpus::bytes_of(int64_t source) const {
  int64_t bytes = 0;
  for (size_t p = 0; p < parts_.size(); ++p) {
    if (parts_[p].source == source) bytes += first_byte_[p + 1] - first_byte_[p];
  }
  return bytes;
}

Corpus::Place Corpus::place(int64_t at) const {
  require(at >= 0 && at < n_bytes(), "corpus: no such byte");
  const auto p = static_cast<size_t>(std::upper_bound(first_byte_.begin(), first_byte_.end(), at) -
                                     first_byte_.begin() - 1);
  const TextBlock& block = *parts_[p].block;
  const int64_t in_block = at - first_byte_[p];
  int64_t low = 0, high = block.n_documents();  // the last document that begins at or before it
  while (low + 1 < high) {
    const int64_t middle = low + (high - low) / 2;
    (block.offset(middle) <= in_block ? low : high) = middle;
  }
  return {first_document_[p] + low, in_block - block.offset(low)};
}

uint64_t Corpus::text_hash(int64_t document) const {
  const size_t p = index_of(document);
  return parts_[p].block->text_hash(document - first_document_[p]);
}

std::span<const uint8_t> Corpus::levels(int64_t document, int64_t n, std::string_view rules) const {
  const size_t p = index_of(document);
  return parts_[p].block->levels(document - first_document_[p], n, rules);
}

std::span<const uint32_t> Corpus::ids(int64_t document, std::string_view tokenizer) const {
  const size_t p = index_of(document);
  return parts_[p].block->ids(document - first_document_[p], tokenizer);
}

std::vector<double> source_shares(const Corpus& corpus, const std::vector<SourceConfig>& sources) {
  std::vector<double> shares;
  for (const SourceConfig& source : sources) shares.push_back(source.weight);
  const auto n_weighted = std::count_if(shares.begin(), shares.end(), [](double w) { return w > 0; });
  require(n_weighted == 0 || n_weighted == std::ssize(shares),
          "corpus: some sources have weights, some none");
  require(std::ssize(shares) == corpus.n_sources(), "corpus: sources of corpus and configuration differ");
  for (size_t s = 0; n_weighted == 0 && s < shares.size(); ++s)
    shares[s] = static_cast<double>(corpus.bytes_of(static_cast<int64_t>(s)));
  const double total = std::accumulate(shares.begin(), shares.end(), 0.0);
  for (double& share : shares) share /= total;
  return shares;
}

std::string fingerprint(const Corpus& corpus, const std::vector<SourceConfig>& sources) {
  return hash_corpus(corpus, source_shares(corpus, sources));
}

std::string fingerprint(const Corpus& corpus) {
  return hash_corpus(corpus, std::vector<double>(static_cast<size_t>(corpus.n_sources()), 1));
}

}  // namespace aunet
