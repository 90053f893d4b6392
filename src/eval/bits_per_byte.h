// Bits per byte of held-out text: one definition for every family (DESIGN section 4).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "data/batch.h"
#include "model/language_model.h"

namespace aunet {

/// nats / ln 2 / text_bytes.
double bits_per_byte(double nats, int64_t text_bytes);

/// Sums over one document.
struct DocumentScore {
  int64_t document = 0;               // index in the corpus
  int64_t text_bytes = 0, units = 0;  // units: bytes, or tokens
  double nats = 0;
};

struct CorpusScore {
  std::vector<DocumentScore> documents;  // in corpus order
  int64_t text_bytes = 0, units = 0;
  double nats = 0;           // of all documents, added in corpus order
  double loss_nats() const;  ///< nats / units
  double loss_bpb() const;   ///< bits_per_byte(nats, text_bytes)
};

struct ScoringOptions {
  int64_t context_bytes = 512;      // E: the longest piece
  int64_t limit_documents = 0;      // score only the first so many; 0: all
  int64_t max_rows = 8192;          // units packed into one forward; changes only rounding
  std::function<bool()> stop = {};  // asked between batches; true gives up
};

/// Nats of every byte of every document.
///
/// Each document is cut at UTF-8 borders into pieces of at most E bytes (data/stream.h). A piece is given
/// after a begin mark and all of its bytes are scored; the end mark is neither given nor scored. The
/// denominator is text bytes. A BPE piece is scored on its canonical encoding, which bounds its nats from
/// above. Pieces are scored in batches of similar length and added per document in double, in order: batching
/// changes the result only by the rounding of sums inside the model (about 1e-7 relative).
/// nullopt when `stop` said so.
std::optional<CorpusScore> score_corpus(LanguageModel& model, const ModelConfig& config,
                                        const SequenceBuilder& builder, const Corpus& heldout,
                                        const at::Device& device, const ScoringOptions& options);

/// One JSON object a line: {"document", "bytes", "units", "nats"}; what RUN/eval/heldout-STEP.jsonl holds.
std::string to_jsonl(const CorpusScore& score);

}  // namespace aunet
