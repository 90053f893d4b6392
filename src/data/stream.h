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
#include <string_view>
#include <vector>

#include "data/document.h"

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
/// is cut. Windows never cross the end of a pass. Not for two threads at once: windows are computed in order
/// on first use and kept (about 48 bytes each).
class TrainingStream {
 public:
  TrainingStream(const Corpus& corpus, const DataConfig& data, uint64_t data_seed);
  Window window(int64_t index) const;  ///< index >= 0; epochs continue without end
  int64_t windows_per_epoch(int64_t epoch) const;
  double epochs(int64_t n_windows) const;  ///< bytes of the first n windows / bytes of the corpus

 private:
  struct Source {
    std::vector<uint32_t> documents;  // of this source, in corpus order
    double share = 1;                 // of the bytes
    int64_t emitted = 0;              // bytes so far
    int64_t pass = 0;                 // passes begun
    std::vector<uint32_t> order;      // of the current pass: permutation of `documents`
    size_t next = 0;                  // in `order`: the document being read
    int64_t offset = 0;               // in that document
  };
  void start_pass(Source& source) const;
  void append_window() const;
  void extend(int64_t n_windows) const;
  int64_t windows_before_epoch(int64_t epoch) const;

  const Corpus& corpus_;
  int64_t context_bytes_;
  uint64_t seed_;
  mutable std::vector<Source> sources_;        // where the next window begins
  mutable std::vector<Span> spans_;            // of all windows so far
  mutable std::vector<int64_t> first_span_;    // [n_windows + 1]
  mutable std::vector<int64_t> bytes_before_;  // [n_windows + 1] text bytes of all earlier windows
};

/// Cuts a document into pieces of at most max_bytes at UTF-8 borders (a border = a byte that is no
/// continuation byte; after 3 continuation bytes the cut is forced). The pieces of held-out evaluation, for
/// every family.
std::vector<Span> cut_document(std::string_view text, int64_t document, int64_t max_bytes);

}  // namespace aunet
