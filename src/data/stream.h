// The training stream: an endless, deterministic sequence of windows of text, the same for every family.
//
// A window is at most `context_bytes` bytes of text from one or more documents, cut at UTF-8 borders. Because
// windows are cut in bytes, families see the same text in the same order, whatever their units; context is
// matched in bytes (DESIGN section 4). Each source is read in passes; a pass visits all its documents once,
// in an order drawn from (seed, source, pass). With several sources each window comes from the one that is
// furthest behind its share of the bytes emitted so far (its weight, or its size where no source has a
// weight). An epoch is as many bytes as the corpus has: with one source, or shares in proportion to sizes,
// every document once. Other weights repeat the sources that they favour: sweep/repetition.h counts each.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "data/corpus.h"

namespace aunet {

/// A piece of one document.
struct Span {
  int64_t document = 0;
  int64_t begin = 0, end = 0;  // byte offsets inside the document
  bool ends_document = false;  // end == the document's length: an end mark follows in training
};

struct Window {
  std::vector<Span> spans;  // in order; each begins with a begin mark
  int64_t text_bytes() const;
};

/// The stream of a corpus. `window(i)` is a pure function of (corpus, context_bytes, seed, i): the cursor of
/// a run is the index of its next window, and a resume needs nothing else. A document tail shorter than the
/// window is followed by the source's next document in the same window; a document longer than what is left
/// is cut. Windows never cross the end of a pass. Safe for several threads. Windows are computed in order on
/// first use, block by block; a few blocks are kept, and of the others where they begin (32 bytes a source
/// for every kBlock windows), so that memory does not grow with the length of a run.
class TrainingStream {
 public:
  TrainingStream(const Corpus& corpus, const DataConfig& data, uint64_t data_seed);
  ~TrainingStream();
  Window window(int64_t index) const;  ///< index >= 0; epochs continue without end
  /// Windows [first, last), at once.
  std::vector<Window> windows(int64_t first, int64_t last) const;
  int64_t windows_per_epoch(int64_t epoch) const;
  double epochs(int64_t n_windows) const;  ///< bytes of the first n windows / bytes of the corpus

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Cuts a document into pieces of at most max_bytes at UTF-8 borders (a border = a byte that is no
/// continuation byte; after 3 continuation bytes the cut is forced). The pieces of held-out evaluation, for
/// every family.
std::vector<Span> cut_document(std::string_view text, int64_t document, int64_t max_bytes);

}  // namespace aunet
