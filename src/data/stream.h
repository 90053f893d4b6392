// The training stream: an endless, deterministic sequence of windows of text, the same for every family.
//
// A window is at most `context_bytes` bytes of text from one or more documents, cut at UTF-8 borders. Because
// windows are cut in bytes, families see the same text in the same order, whatever their units; context is
// matched in bytes (DESIGN section 4). Each epoch visits all documents of a source in a seeded permutation;
// sources are interleaved so that the bytes emitted follow the weights.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "data/document.h"

namespace aunet {

/// A piece of one document.
struct Span {
  int64_t document = 0;
  int64_t begin = 0, end = 0;           // byte offsets inside the document
  bool ends_document = false;           // end == the document's length: an end mark follows in training
};

struct Window {
  std::vector<Span> spans;              // in order; each begins with a begin mark
  int64_t text_bytes() const;
};

/// The stream of a corpus. `window(i)` is a pure function of (corpus, context_bytes, seed, i): the cursor of a
/// run is the index of its next window, and a resume needs nothing else.
/// A document tail shorter than the window is followed by the next document in the same window; a document
/// longer than what is left is cut. Windows never cross an epoch's end.
class TrainingStream {
 public:
  TrainingStream(const Corpus& corpus, const DataConfig& data, uint64_t data_seed);
  Window window(int64_t index) const;   ///< index >= 0; epochs continue without end
  int64_t windows_per_epoch(int64_t epoch) const;
  double epochs(int64_t n_windows) const;   ///< how often the corpus has been seen after n windows (bytes seen / bytes)

 private:
  struct Epoch { std::vector<Span> spans; std::vector<int64_t> first_span; int64_t first_window; };
  const Corpus& corpus_;
  DataConfig data_;
  uint64_t seed_;
  mutable std::vector<Epoch> epochs_;
  const Epoch& epoch(int64_t index) const;
};

/// Cuts a document into pieces of at most max_bytes at UTF-8 borders (a border = a byte that is no continuation
/// byte; after 3 continuation bytes the cut is forced). The pieces of held-out evaluation, for every family.
std::vector<Span> cut_document(std::string_view text, int64_t document, int64_t max_bytes);

}  // namespace aunet
