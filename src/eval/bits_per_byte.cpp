#include "eval/bits_per_byte.h"

#include "core/error.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <numbers>

namespace aunet {

namespace {

// Pieces are sorted by length inside groups of this many: batches stay alike, memory stays bounded on any
// corpus.
constexpr size_t kSortedTogether = 4096;

/// Nats of each sequence: the model's [R_1] nats of a packed batch, added per sequence in double.
std::vector<double> sequence_nats(LanguageModel& model, const Batch& batch, const at::Device& device) {
  const at::Tensor nats = model.target_nats(to_device(batch, device)).to(at::kCPU, at::kFloat).contiguous();
  require(nats.dim() == 1 && nats.size(0) == batch.rows(0), "target_nats: expected one number per row");
  const float* values = nats.const_data_ptr<float>();
  std::vector<double> sums(batch.n_sequences, 0.0);
  for (int64_t b = 0; b < batch.n_sequences; ++b) {
    for (int32_t r = batch.cu_rows[0][b]; r < batch.cu_rows[0][b + 1]; ++r) sums[b] += values[r];
  }
  return sums;
}

struct Scorer {
  LanguageModel& model;
  const ModelConfig& config;
  const SequenceBuilder& builder;
  const Corpus& heldout;
  const at::Device& device;
  const ScoringOptions& options;

  /// Writes nats and units of each piece; false when stopped.
  bool score(const std::vector<Span>& pieces, size_t first, size_t last, std::vector<double>& nats,
             std::vector<int64_t>& units) const {
    std::vector<size_t> order;
    for (size_t i = first; i < last; ++i) order.push_back(i);
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return pieces[a].end - pieces[a].begin < pieces[b].end - pieces[b].begin;
    });
    for (size_t next = 0; next < order.size();) {
      if (options.stop && options.stop()) return false;
      std::vector<Sequence> sequences;
      const size_t batch_first = next;
      for (int64_t rows = 0; next < order.size(); ++next) {
        const Span& piece = pieces[order[next]];
        Sequence sequence =
            builder.evaluation(heldout.text(piece.document).substr(piece.begin, piece.end - piece.begin));
        rows += static_cast<int64_t>(sequence.inputs.size());
        sequences.push_back(std::move(sequence));
        if (rows >= options.max_rows) {
          ++next;
          break;
        }
      }
      const std::vector<double> sums = sequence_nats(model, pack(sequences, config), device);
      for (size_t i = 0; i < sums.size(); ++i) {
        nats[order[batch_first + i]] = sums[i];
        units[order[batch_first + i]] = static_cast<int64_t>(sequences[i].targets.size());
      }
    }
    return true;
  }
};

}  // namespace

double bits_per_byte(double nats, int64_t text_bytes) {
  return nats / std::numbers::ln2 / static_cast<double>(text_bytes);
}

double CorpusScore::loss_nats() const { return nats / static_cast<double>(units); }
double CorpusScore::loss_bpb() const { return bits_per_byte(nats, text_bytes); }

std::optional<CorpusScore> score_corpus(LanguageModel& model, const ModelConfig& config,
                                        const SequenceBuilder& builder, const Corpus& heldout,
                                        const at::Device& device, const ScoringOptions& options) {
  const int64_t n_documents = options.limit_documents > 0
                                  ? std::min(options.limit_documents, heldout.n_documents())
                                  : heldout.n_documents();
  std::vector<Span> pieces;
  for (int64_t d = 0; d < n_documents; ++d) {
    const std::vector<Span> cut = cut_document(heldout.text(d), d, options.context_bytes);
    pieces.insert(pieces.end(), cut.begin(), cut.end());
  }
  std::vector<double> nats(pieces.size());
  std::vector<int64_t> units(pieces.size());
  const Scorer scorer{model, config, builder, heldout, device, options};
  for (size_t first = 0; first < pieces.size(); first += kSortedTogether) {
    if (!scorer.score(pieces, first, std::min(pieces.size(), first + kSortedTogether), nats, units))
      return {};
  }

  CorpusScore result;
  for (int64_t d = 0; d < n_documents; ++d) result.documents.push_back({.document = d});
  for (size_t i = 0; i < pieces.size(); ++i) {
    DocumentScore& document = result.documents[pieces[i].document];
    document.text_bytes += pieces[i].end - pieces[i].begin;
    document.units += units[i];
    document.nats += nats[i];
  }
  for (const DocumentScore& document : result.documents) {
    result.text_bytes += document.text_bytes;
    result.units += document.units;
    result.nats += document.nats;
  }
  return result;
}

std::string to_jsonl(const CorpusScore& score) {
  std::string lines;
  for (const DocumentScore& d : score.documents) {
    nlohmann::ordered_json line = {
        {"document", d.document}, {"bytes", d.text_bytes}, {"units", d.units}, {"nats", d.nats}};
    lines += line.dump() + "\n";
  }
  return lines;
}

}  // namespace aunet
