#include "data/stream.h"

#include "core/error.h"
#include "core/random.h"
#include "data/utf8.h"

#include <fmt/format.h>

#include <algorithm>

namespace aunet {

int64_t Window::text_bytes() const {
  int64_t n = 0;
  for (const auto& span : spans) n += span.end - span.begin;
  return n;
}

std::vector<Span> cut_document(std::string_view text, int64_t document, int64_t max_bytes) {
  require(max_bytes > 0, "cut_document: max_bytes must be positive");
  const auto size = static_cast<int64_t>(text.size());
  std::vector<Span> pieces;
  for (int64_t begin = 0, end; begin < size; begin = end) {
    end = utf8_cut(text, begin, begin + max_bytes);
    if (end == begin) end = std::min(size, begin + max_bytes);
    pieces.push_back({document, begin, end, end == size});
  }
  return pieces;
}

TrainingStream::TrainingStream(const Corpus& corpus, const DataConfig& data, uint64_t data_seed)
    : corpus_(corpus), context_bytes_(data.context_bytes), seed_(data_seed) {
  require(context_bytes_ > 0, "stream: context_bytes must be positive");
  require(corpus.n_documents() > 0, "stream: the corpus is empty");
  const size_t n_sources = *std::max_element(corpus.source.begin(), corpus.source.end()) + 1u;
  require(data.train.empty() ? n_sources == 1 : n_sources == data.train.size(),
          "stream: sources of corpus and configuration differ");
  sources_.resize(n_sources);
  const auto shares = data.train.empty() ? std::vector<double>{1} : source_shares(corpus, data.train);
  for (size_t s = 0; s < n_sources; ++s) sources_[s].share = shares[s];
  for (int64_t d = 0; d < corpus.n_documents(); ++d)
    sources_[corpus.source[d]].documents.push_back(static_cast<uint32_t>(d));
  first_span_.push_back(0);
  bytes_before_.push_back(0);
}

void TrainingStream::start_pass(Source& source) const {
  const auto index = &source - sources_.data();
  RandomStream random(seed_, fmt::format("documents/{}/{}", index, source.pass++));
  source.order = permutation(random, static_cast<uint32_t>(source.documents.size()));
  source.next = 0;
  source.offset = 0;
}

void TrainingStream::append_window() const {
  // The source that is furthest behind its share of the bytes so far; on equality the first.
  auto& source = *std::min_element(sources_.begin(), sources_.end(), [](const Source& a, const Source& b) {
    return static_cast<double>(a.emitted) * b.share < static_cast<double>(b.emitted) * a.share;
  });
  if (source.next == source.order.size()) start_pass(source);
  int64_t room = context_bytes_;
  while (room > 0 && source.next < source.order.size()) {
    const int64_t document = source.documents[source.order[source.next]];
    const auto text = corpus_.text(document);
    const auto size = static_cast<int64_t>(text.size());
    int64_t end = utf8_cut(text, source.offset, source.offset + room);
    if (end == source.offset) {  // the next character does not fit
      if (room < context_bytes_) break;
      end = std::min(size, source.offset + room);  // nor would it in an empty window
    }
    spans_.push_back({document, source.offset, end, end == size});
    room -= end - source.offset;
    source.offset = end;
    if (end == size) {
      ++source.next;
      source.offset = 0;
    }
  }
  source.emitted += context_bytes_ - room;
  first_span_.push_back(static_cast<int64_t>(spans_.size()));
  bytes_before_.push_back(bytes_before_.back() + context_bytes_ - room);
}

void TrainingStream::extend(int64_t n_windows) const {
  while (static_cast<int64_t>(bytes_before_.size()) <= n_windows) append_window();
}

Window TrainingStream::window(int64_t index) const {
  require(index >= 0, "stream: negative window");
  extend(index + 1);
  return {{spans_.begin() + first_span_[index], spans_.begin() + first_span_[index + 1]}};
}

int64_t TrainingStream::windows_before_epoch(int64_t epoch) const {
  const auto bytes = static_cast<int64_t>(corpus_.bytes.size()) * epoch;
  while (bytes_before_.back() < bytes) append_window();
  return std::lower_bound(bytes_before_.begin(), bytes_before_.end(), bytes) - bytes_before_.begin();
}

int64_t TrainingStream::windows_per_epoch(int64_t epoch) const {
  require(epoch >= 0, "stream: negative epoch");
  return windows_before_epoch(epoch + 1) - windows_before_epoch(epoch);
}

double TrainingStream::epochs(int64_t n_windows) const {
  extend(n_windows);
  return static_cast<double>(bytes_before_[n_windows]) / static_cast<double>(corpus_.bytes.size());
}

}  // namespace aunet
