#include "data/batch.h"

#include "core/error.h"
#include "data/utf8.h"

#include <algorithm>

namespace aunet {

SequenceBuilder::SequenceBuilder(const ModelConfig& model, const Tokenizer& tokenizer)
    : model_(model), tokenizer_(tokenizer) {
  if (const auto* aunet = std::get_if<AunetConfig>(&model)) {
    splitter_ = std::make_unique<Splitter>(aunet->split, aunet->split_mode);
    deepest_ = static_cast<int32_t>(aunet->dimensions.size()) - 1;
    require(aunet->split.size() == static_cast<size_t>(deepest_),
            "sequence: a split rule per transition is needed");
    require(tokenizer.begin_id() == kBeginId, "sequence: AU-Net needs the byte tokenizer");
  }
}

SequenceBuilder::~SequenceBuilder() = default;

Sequence SequenceBuilder::from_ids(const std::vector<int32_t>& ids) const {
  require(ids.size() >= 2, "sequence: needs a begin mark and text");
  Sequence out;
  out.inputs.assign(ids.begin(), ids.end() - 1);
  out.targets.assign(ids.begin() + 1, ids.end());
  for (const int32_t id : out.targets) out.text_bytes += tokenizer_.n_bytes(id);
  if (!splitter_) return out;
  auto levels = splitter_->levels(ids);
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] == kBeginId) levels[i] = deepest_;
  }
  out.input_levels.assign(levels.begin(), levels.end() - 1);
  out.target_levels.assign(levels.begin() + 1, levels.end());
  return out;
}

Sequence SequenceBuilder::training(const Corpus& corpus, const Window& window, int64_t max_text_bytes) const {
  std::vector<int32_t> ids;
  int64_t room = max_text_bytes > 0 ? max_text_bytes : window.text_bytes();
  for (const auto& span : window.spans) {
    const auto text = corpus.text(span.document);
    int64_t end = span.end - span.begin <= room ? span.end : utf8_cut(text, span.begin, span.begin + room);
    if (end == span.begin) {
      if (!ids.empty()) break;
      end =
          utf8_next(text, span.begin, span.end);  // a run cannot end before its last window's first character
    }
    ids.push_back(tokenizer_.begin_id());
    tokenizer_.encode(text.substr(span.begin, end - span.begin), ids);
    room -= end - span.begin;
    if (end < span.end) break;
    if (span.ends_document) ids.push_back(tokenizer_.end_id());
    if (room == 0) break;
  }
  require(!ids.empty(), "sequence: no character of the window fits into max_text_bytes");
  return from_ids(ids);
}

Sequence SequenceBuilder::evaluation(std::string_view piece) const {
  std::vector<int32_t> ids{tokenizer_.begin_id()};
  tokenizer_.encode(piece, ids);
  return from_ids(ids);
}

std::vector<int64_t> SequenceBuilder::rows(const Sequence& sequence) const {
  return row_counts(sequence, model_);
}

}  // namespace aunet
