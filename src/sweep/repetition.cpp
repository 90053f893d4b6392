#include "sweep/repetition.h"

#include <fmt/format.h>

#include <algorithm>

namespace aunet {

std::vector<SourceUse> source_use(const WindowSums& sums, const Horizon& horizon) {
  const DataFacts& facts = sums.facts();
  if (facts.declared || facts.epoch_bytes <= 0) return {};
  const bool cut = horizon.last_window_bytes > 0;
  const int64_t whole = std::min(horizon.windows - (cut ? 1 : 0), sums.covered());
  std::vector<double> drawn = sums.source_bytes(whole);
  if (cut) {
    const auto last = static_cast<size_t>(horizon.windows - 1);
    drawn[drawn.size() > 1 ? facts.window_source[last] : 0] += static_cast<double>(horizon.last_window_bytes);
  }
  std::vector<SourceUse> uses;
  const double factor = horizon.extrapolated ? horizon.text_bytes / sums.text_bytes(whole) : 1;
  for (size_t s = 0; s < drawn.size(); ++s)
    uses.push_back({drawn[s] * factor, drawn.size() > 1 ? facts.source_bytes[s] : facts.epoch_bytes});
  return uses;
}

void count_repetition(Cell& cell, const WindowSums& sums, const Horizon& horizon) {
  cell.sources = source_use(sums, horizon);
  cell.epochs = cell.unique_bytes = 0;
  for (const SourceUse& source : cell.sources) {
    cell.epochs = std::max(cell.epochs, source.epochs());
    cell.unique_bytes += std::min(source.drawn_bytes, source.size_bytes);
  }
}

std::string most_repeated(const Cell& cell) {
  size_t most = 0;
  for (size_t s = 1; s < cell.sources.size(); ++s)
    if (cell.sources[s].epochs() > cell.sources[most].epochs()) most = s;
  const auto& train = cell.run.data.train;
  const bool one = cell.sources.size() < 2 || train.size() != cell.sources.size();
  return fmt::format("{} {:.1f} times", one ? "its corpus" : train[most].path, cell.epochs);
}

}  // namespace aunet
