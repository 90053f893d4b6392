// `file=PATH`: boundaries that something else made, written down for texts that it knows.
//
// PATH is JSONL, plain or .zst, one document a line: {"text": "...", "ends": [4, 9, ...]}, `ends` being
// offsets in bytes of the UTF-8 text, ascending, of the last byte of each unit. Other keys are not looked at,
// so a corpus with `ends` can serve as its own boundary file. Training and evaluation cut documents into
// windows, so what is looked up is the piece of a document that a segment is; it must be a piece of some
// document, byte for byte. A segment that occurs more than once is taken where it occurs first.
//
// Nobody can say whether such boundaries look ahead: the rule is refused in causal mode, and the causality
// gate calls it a leak (it cannot ask the file about a changed text).
#pragma once

#include "data/segment_rule.h"

#include <string>
#include <unordered_map>

namespace aunet {

class FileRule final : public SegmentRule {
 public:
  /// Throws ConfigError `PATH:line: ...` for a line that is not as above, and for a file that is not the one
  /// whose hash is in the rule; Error for one that cannot be read.
  explicit FileRule(const SplitRule& rule);
  /// Throws ConfigError for a segment that is in no document.
  std::vector<int64_t> boundaries(std::string_view segment) override;

 private:
  void index();
  size_t find(std::string_view segment) const;

  std::string path_;
  std::string text_;               // all documents, one after the other
  std::vector<size_t> documents_;  // where each begins, and text_.size()
  std::vector<size_t> ends_;       // in text_, ascending
  // Content-defined anchors: the places of text_ at which a hash of the bytes before has kAnchorBits zeros. A
  // segment is found by its own first anchor.
  std::unordered_map<uint64_t, std::vector<uint32_t>> anchors_;
};

}  // namespace aunet
