#include "baselines/bpe_merges.h"

#include "baselines/pair_table.h"

#include <iterator>
#include <string_view>
namespace aunet {
namespace {

/// Merges neighbours, the lowest rank first and the leftmost of equals, while there is a rank below `limit`.
void merge_below(std::vector<int32_t>& parts, const PairTable& pairs, int32_t limit) {
  while (parts.size() > 1) {
    size_t best = 0;
    int32_t lowest = limit;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      const int32_t rank = pairs.find(parts[i], parts[i + 1]);
      if (rank != PairTable::kNone && rank < lowest) best = i, lowest = rank;
    }
    if (lowest == limit) return;
    parts[best] = lowest;
    parts.erase(parts.begin() + static_cast<int64_t>(best) + 1);
  }
}

}  // namespace

std::vector<BpeMerge> all_cuts(const std::vector<std::string>& tokens, const TokenIds& ids) {
  std::vector<BpeMerge> cuts;
  for (size_t id = 0; id < tokens.size(); ++id) {
    const std::string_view token = tokens[id];
    for (size_t cut = 1; cut < token.size(); ++cut) {
      const int32_t left = ids.find(token.substr(0, cut));
      if (left == TokenIds::kNone) continue;
      const int32_t right = ids.find(token.substr(cut));
      if (right != TokenIds::kNone) cuts.push_back({left, right, static_cast<int32_t>(id)});
    }
  }
  return cuts;
}

DerivedMerges derive_merges(const std::vector<std::string>& tokens) {
  const TokenIds ids(tokens);
  const auto cuts = all_cuts(tokens, ids);  // by id
  PairTable pairs;
  pairs.reserve(cuts.size());
  for (const BpeMerge& cut : cuts) pairs.insert(cut.left, cut.right, cut.joined);
  DerivedMerges derived;
  std::vector<int32_t> parts;
  auto own_cuts = cuts.begin();
  for (size_t i = 0; i < tokens.size(); ++i) {
    const auto id = static_cast<int32_t>(i);
    const auto first_cut = own_cuts;
    while (own_cuts != cuts.end() && own_cuts->joined == id) ++own_cuts;
    if (tokens[i].size() < 2) continue;
    parts.clear();
    for (const char& byte : tokens[i]) parts.push_back(ids.find(std::string_view(&byte, 1)));
    merge_below(parts, pairs, id);
    if (parts.size() == 2) {
      derived.merges.push_back({parts[0], parts[1], id});
      continue;
    }
    ++derived.n_unreached;
    derived.merges.insert(derived.merges.end(), std::make_reverse_iterator(own_cuts),
                          std::make_reverse_iterator(first_cut));
  }
  return derived;
}

}  // namespace aunet
