#include "data/leak.h"

#include "core/log.h"
#include "data/split_rules.h"
#include "data/tokenizer.h"
#include "data/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace aunet {
namespace {

/// Pieces of at most kLeakPiece ids that begin at a character.
std::vector<std::span<const int32_t>> cut(const std::vector<std::vector<int32_t>>& texts) {
  std::vector<std::span<const int32_t>> pieces;
  for (const auto& ids : texts) {
    const auto is_tail = [&ids](size_t i) {
      return ids[i] < 256 && is_continuation(static_cast<uint8_t>(ids[i]));
    };
    for (size_t begin = 0, end; begin < ids.size(); begin = end) {
      end = std::min(begin + kLeakPiece, ids.size());
      for (int back = 0; back < 3 && end < ids.size() && is_tail(end); ++back) --end;
      pieces.emplace_back(ids.data() + begin, end - begin);
    }
  }
  return pieces;
}

void measure(const Splitter& splitter, std::span<const int32_t> piece, LeakReport& report) {
  std::vector<int32_t> whole(piece.size()), prefix(piece.size());
  splitter.levels(piece.data(), static_cast<int64_t>(piece.size()), whole.data());
  for (size_t t = 0; t < piece.size(); ++t) {
    splitter.levels(piece.data(), static_cast<int64_t>(t) + 1, prefix.data());
    ++report.positions;
    report.boundaries += whole[t] > 0;
    if (prefix[t] == whole[t]) continue;
    ++report.changed;
    report.changed_boundaries += whole[t] > 0;
  }
}

/// The beginnings of documents, evenly spread over the corpus.
std::vector<std::vector<int32_t>> sample(const Corpus& corpus) {
  const int64_t n = std::min<int64_t>(corpus.n_documents(), 32);
  std::vector<std::vector<int32_t>> texts;
  for (int64_t i = 0; i < n; ++i) {
    const std::string_view text = corpus.text(i * corpus.n_documents() / n);
    texts.push_back(byte_ids(text.substr(0, static_cast<size_t>(utf8_cut(text, 0, kLeakSample / n)))));
  }
  return texts;
}

}  // namespace

LeakReport measure_leak(const std::vector<SplitRule>& rules, const std::vector<std::vector<int32_t>>& texts) {
  const Splitter splitter(rules, SplitMode::Official);
  const auto pieces = cut(texts);
  LeakReport report;
  report.pieces = static_cast<int64_t>(pieces.size());
  report.pieces_measured = std::min(report.pieces, kMaxLeakPieces);
  for (int64_t i = 0; i < report.pieces_measured; ++i) {
    measure(splitter, pieces[i * report.pieces / report.pieces_measured], report);
  }
  return report;
}

void warn_of_leak(const ModelConfig& model, const Corpus& corpus) {
  const auto* aunet = std::get_if<AunetConfig>(&model);
  if (!aunet || aunet->split_mode != SplitMode::Official ||
      std::none_of(aunet->split.begin(), aunet->split.end(), is_user_rule))
    return;
  const LeakReport leak = measure_leak(aunet->split, sample(corpus));
  const std::string line = fmt::format(
      "split {} in official mode: {:.3g} % of {} levels, {:.3g} % of {} boundaries depend on later bytes",
      to_string(aunet->split), 100 * leak.rate(), leak.positions, 100 * leak.boundary_rate(),
      leak.boundaries);
  if (leak.changed == 0) return log_info(line);
  log_warn(line + "; split_mode = \"causal\" never looks ahead");
}

}  // namespace aunet
