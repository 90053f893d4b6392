#include "data/stream.h"

#include "core/error.h"
#include "core/random.h"
#include "data/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <limits>
#include <mutex>

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

namespace {

constexpr int64_t kBlock = 1024;    // windows
constexpr size_t kKeptBlocks = 16;  // the loader reads forward, the planner jumps to the ends of runs

/// How far a source has been read.
struct SourceCursor {
  int64_t emitted = 0;  // bytes so far
  int64_t pass = 0;     // passes begun
  int64_t next = 0;     // in the pass's order: the document being read
  int64_t offset = 0;   // in that document
};

/// Where a block of windows begins.
struct Cursor {
  std::vector<SourceCursor> sources;
  int64_t bytes = 0;  // text bytes of all earlier windows
};

struct Block {
  int64_t index = -1;
  std::vector<Span> spans{};
  std::vector<int64_t> first_span{0};   // [n + 1]
  std::vector<int64_t> bytes_before{};  // [n + 1] text bytes of all earlier windows
};

struct Source {
  Corpus::Range documents;
  double share = 1;               // of the bytes
  std::vector<uint32_t> order{};  // of the documents, in pass `order_pass`
  int64_t order_pass = 0;
};

}  // namespace

struct TrainingStream::Impl {
  Impl(const Corpus& c, const DataConfig& data, uint64_t data_seed);

  void use_pass(size_t index, int64_t pass);
  int64_t cut(int64_t document, int64_t size, int64_t begin, int64_t limit) const;
  void append_window(Cursor& cursor, Block& block);
  const Block& block(int64_t index);
  Window window(int64_t index);
  int64_t windows_before(int64_t bytes);
  int64_t bytes_before(int64_t window) {
    return block(window / kBlock).bytes_before[static_cast<size_t>(window % kBlock)];
  }

  const Corpus& corpus;
  const int64_t context_bytes;
  const uint64_t seed;
  std::mutex mutex;  // guards all below
  std::vector<Source> sources;
  std::vector<Cursor> cursors;  // of block 0, 1, ...: those before the last one have been read
  std::deque<Block> kept;       // the newest last
};

TrainingStream::Impl::Impl(const Corpus& c, const DataConfig& data, uint64_t data_seed)
    : corpus(c), context_bytes(data.context_bytes), seed(data_seed) {
  require(context_bytes > 0, "stream: context_bytes must be positive");
  require(!corpus.empty(), "stream: the corpus is empty");
  require(data.train.empty() ? corpus.n_sources() == 1 : corpus.n_sources() == std::ssize(data.train),
          "stream: sources of corpus and configuration differ");
  const auto shares = data.train.empty() ? std::vector<double>{1} : source_shares(corpus, data.train);
  for (size_t s = 0; s < shares.size(); ++s)
    sources.push_back({.documents = corpus.documents_of(static_cast<int64_t>(s)), .share = shares[s]});
  cursors.push_back({.sources = std::vector<SourceCursor>(shares.size())});
}

/// Draws the order of a pass, unless it is the one that is there.
void TrainingStream::Impl::use_pass(size_t index, int64_t pass) {
  Source& source = sources[index];
  if (source.order_pass == pass) return;
  RandomStream random(seed, fmt::format("documents/{}/{}", index, pass - 1));
  const int64_t n = source.documents.last - source.documents.first;
  require(n <= std::numeric_limits<uint32_t>::max(), "stream: a source has more than 2^32 documents");
  source.order = permutation(random, static_cast<uint32_t>(n));
  source.order_pass = pass;
}

/// utf8_cut of the document, which looks at no more than the bytes around the limit.
int64_t TrainingStream::Impl::cut(int64_t document, int64_t size, int64_t begin, int64_t limit) const {
  if (limit >= size) return size;
  const int64_t first = std::max(begin, limit - 4);
  return first + utf8_cut(corpus.piece(document, first, limit + 1), 0, limit - first);
}

void TrainingStream::Impl::append_window(Cursor& cursor, Block& block) {
  // The source that is furthest behind its share of the bytes so far; on equality the first.
  size_t s = 0;
  for (size_t i = 1; i < sources.size(); ++i) {
    if (static_cast<double>(cursor.sources[i].emitted) * sources[s].share <
        static_cast<double>(cursor.sources[s].emitted) * sources[i].share)
      s = i;
  }
  SourceCursor& at = cursor.sources[s];
  const Source& source = sources[s];
  const int64_t n_documents = source.documents.last - source.documents.first;
  if (at.pass == 0 || at.next == n_documents) {
    ++at.pass;
    at.next = at.offset = 0;
  }
  use_pass(s, at.pass);
  int64_t room = context_bytes;
  while (room > 0 && at.next < n_documents) {
    const int64_t document = source.documents.first + source.order[static_cast<size_t>(at.next)];
    const int64_t size = corpus.size(document);
    int64_t end = cut(document, size, at.offset, at.offset + room);
    if (end == at.offset) {  // the next character does not fit
      if (room < context_bytes) break;
      end = std::min(size, at.offset + room);  // nor would it in an empty window
    }
    block.spans.push_back({document, at.offset, end, end == size});
    room -= end - at.offset;
    at.offset = end;
    if (end == size) {
      ++at.next;
      at.offset = 0;
    }
  }
  at.emitted += context_bytes - room;
  cursor.bytes += context_bytes - room;
  block.first_span.push_back(static_cast<int64_t>(block.spans.size()));
  block.bytes_before.push_back(cursor.bytes);
}

/// The block, read from where it begins; the first time, that also says where the next one does.
const Block& TrainingStream::Impl::block(int64_t index) {
  const auto found = std::find_if(kept.begin(), kept.end(), [&](const Block& b) { return b.index == index; });
  if (found != kept.end()) return *found;
  for (auto i = std::min(index, static_cast<int64_t>(cursors.size()) - 1); i <= index; ++i) {
    Cursor cursor = cursors[static_cast<size_t>(i)];
    Block block{.index = i, .bytes_before = {cursor.bytes}};
    for (int64_t n = 0; n < kBlock; ++n) append_window(cursor, block);
    if (i + 1 == std::ssize(cursors)) cursors.push_back(std::move(cursor));
    if (kept.size() == kKeptBlocks) kept.pop_front();
    kept.push_back(std::move(block));
  }
  return kept.back();
}

Window TrainingStream::Impl::window(int64_t index) {
  const Block& of = block(index / kBlock);
  const auto n = static_cast<size_t>(index % kBlock);
  return {{of.spans.begin() + of.first_span[n], of.spans.begin() + of.first_span[n + 1]}};
}

/// How many windows begin before so many bytes of text.
int64_t TrainingStream::Impl::windows_before(int64_t bytes) {
  while (cursors.back().bytes < bytes) block(static_cast<int64_t>(cursors.size()) - 1);
  const auto after = std::lower_bound(cursors.begin(), cursors.end(), bytes,
                                      [](const Cursor& cursor, int64_t b) { return cursor.bytes < b; });
  const int64_t index = std::max<int64_t>(0, after - cursors.begin() - 1);
  const auto& before = block(index).bytes_before;
  return index * kBlock + (std::lower_bound(before.begin(), before.end(), bytes) - before.begin());
}

TrainingStream::TrainingStream(const Corpus& corpus, const DataConfig& data, uint64_t data_seed)
    : impl_(std::make_unique<Impl>(corpus, data, data_seed)) {}
TrainingStream::~TrainingStream() = default;

Window TrainingStream::window(int64_t index) const {
  require(index >= 0, "stream: negative window");
  const std::lock_guard lock(impl_->mutex);
  return impl_->window(index);
}

std::vector<Window> TrainingStream::windows(int64_t first, int64_t last) const {
  require(first >= 0, "stream: negative window");
  std::vector<Window> out;
  const std::lock_guard lock(impl_->mutex);
  for (int64_t i = first; i < last; ++i) out.push_back(impl_->window(i));
  return out;
}

int64_t TrainingStream::windows_per_epoch(int64_t epoch) const {
  require(epoch >= 0, "stream: negative epoch");
  const std::lock_guard lock(impl_->mutex);
  const int64_t bytes = impl_->corpus.n_bytes();
  return impl_->windows_before(bytes * (epoch + 1)) - impl_->windows_before(bytes * epoch);
}

double TrainingStream::epochs(int64_t n_windows) const {
  const std::lock_guard lock(impl_->mutex);
  return static_cast<double>(impl_->bytes_before(n_windows)) / static_cast<double>(impl_->corpus.n_bytes());
}

}  // namespace aunet
