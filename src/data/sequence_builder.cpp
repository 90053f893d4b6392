#include "data/batch.h"

#include "config/rule_file.h"
#include "core/error.h"
#include "data/utf8.h"

#include <algorithm>

namespace aunet {

SequenceBuilder::SequenceBuilder(const ModelConfig& model, const Tokenizer& tokenizer)
    : model_(model), tokenizer_(tokenizer) {
  const auto* aunet = std::get_if<AunetConfig>(&model);
  if (!aunet) {
    ids_of_ = tokenizer.fingerprint();
    return;
  }
  splitter_ = std::make_unique<Splitter>(aunet->split, aunet->split_mode);
  deepest_ = static_cast<int32_t>(aunet->dimensions.size()) - 1;
  require(aunet->split.size() == static_cast<size_t>(deepest_),
          "sequence: a split rule per transition is needed");
  require(tokenizer.begin_id() == kBeginId, "sequence: AU-Net needs the byte tokenizer");
  causal_ = aunet->split_mode == SplitMode::Causal;
  const bool resolved = std::all_of(aunet->split.begin(), aunet->split.end(), [](const SplitRule& rule) {
    return !reads_file(rule) || !rule.fingerprint.empty();
  });
  if (resolved) rules_ = split_identity(aunet->split, aunet->split_mode);
}

SequenceBuilder::~SequenceBuilder() = default;

/// A begin mark has the deepest level, an end mark none.
void SequenceBuilder::append_mark(int32_t id, Positions& out) const {
  out.ids.push_back(id);
  if (splitter_) out.levels.push_back(id == kBeginId ? deepest_ : 0);
}

void SequenceBuilder::append_text(std::string_view text, Positions& out) const {
  const size_t first = out.ids.size();
  tokenizer_.encode(text, out.ids);
  if (!splitter_) return;
  out.levels.resize(out.ids.size());
  splitter_->levels(out.ids.data() + first, static_cast<int64_t>(out.ids.size() - first),
                    out.levels.data() + first);
}

/// Text of a document up to `end`. What a prepared corpus holds is of whole documents: ids serve a span that
/// is one, levels also one that ends earlier when nothing after a byte decides its level.
void SequenceBuilder::append_span(const Corpus& corpus, const Span& span, int64_t end, Positions& out) const {
  const int64_t size = corpus.size(span.document);
  const auto piece = corpus.piece(span.document, span.begin, end);
  const bool whole = span.begin == 0 && end == size;
  if (!ids_of_.empty() && whole) {
    if (const auto ids = corpus.ids(span.document, ids_of_); !ids.empty()) {
      out.ids.insert(out.ids.end(), ids.begin(), ids.end());
      return;
    }
  }
  const auto at_border = [&] {
    return !is_continuation(static_cast<uint8_t>(corpus.piece(span.document, end, end + 1)[0]));
  };
  if (!rules_.empty() && span.begin == 0 && (whole || (causal_ && at_border()))) {
    if (const auto levels = corpus.levels(span.document, end, rules_); !levels.empty()) {
      tokenizer_.encode(piece, out.ids);
      out.levels.insert(out.levels.end(), levels.begin(), levels.end());
      return;
    }
  }
  append_text(piece, out);
}

Sequence SequenceBuilder::finish(const Positions& positions) const {
  const auto& [ids, levels] = positions;
  require(ids.size() >= 2, "sequence: needs a begin mark and text");
  Sequence out;
  out.inputs.assign(ids.begin(), ids.end() - 1);
  out.targets.assign(ids.begin() + 1, ids.end());
  if (!splitter_) return out;
  out.input_levels.assign(levels.begin(), levels.end() - 1);
  out.target_levels.assign(levels.begin() + 1, levels.end());
  return out;
}

Sequence SequenceBuilder::training(const Corpus& corpus, const Window& window, int64_t max_text_bytes) const {
  Positions positions;
  const int64_t all = max_text_bytes > 0 ? max_text_bytes : window.text_bytes();
  positions.ids.reserve(static_cast<size_t>(window.text_bytes()) + 2 * window.spans.size());
  if (splitter_) positions.levels.reserve(positions.ids.capacity());
  int64_t room = all;
  for (const auto& span : window.spans) {
    int64_t end = span.end;
    if (end - span.begin > room) {
      const auto text = corpus.piece(span.document, span.begin, span.end);
      end = span.begin + utf8_cut(text, 0, room);
      if (end == span.begin) {
        if (!positions.ids.empty()) break;
        end += utf8_next(text, 0, std::ssize(text));  // not before the last window's first character
      }
    }
    append_mark(tokenizer_.begin_id(), positions);
    append_span(corpus, span, end, positions);
    room -= end - span.begin;
    if (end < span.end) break;
    if (span.ends_document) append_mark(tokenizer_.end_id(), positions);
    if (room == 0) break;
  }
  require(!positions.ids.empty(), "sequence: no character of the window fits into max_text_bytes");
  Sequence out = finish(positions);
  out.text_bytes = all - room;
  return out;
}

Sequence SequenceBuilder::evaluation(std::string_view piece) const {
  Positions positions;
  append_mark(tokenizer_.begin_id(), positions);
  append_text(piece, positions);
  Sequence out = finish(positions);
  out.text_bytes = static_cast<int64_t>(piece.size());
  return out;
}

std::vector<int64_t> SequenceBuilder::rows(const Sequence& sequence) const {
  return row_counts(sequence, model_);
}

}  // namespace aunet
