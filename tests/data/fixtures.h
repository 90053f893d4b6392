// Small corpora and random texts for the tests of this room.
#pragma once

#include "core/random.h"
#include "data/batch.h"
#include "data/corpus.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace aunet {

/// Texts grouped by source, in order.
inline Corpus make_corpus(const std::vector<std::string>& texts, const std::vector<uint16_t>& sources = {}) {
  if (sources.empty()) return Corpus::of(texts);
  std::vector<Corpus::Part> parts;
  for (uint16_t source = 0; source <= *std::max_element(sources.begin(), sources.end()); ++source) {
    auto block = std::make_shared<MemoryBlock>();
    for (size_t i = 0; i < texts.size(); ++i) {
      if (sources[i] == source) block->add(texts[i]);
    }
    parts.push_back({std::move(block), source});
  }
  return Corpus(std::move(parts));
}

/// Pieces that stress the split rules: blanks of several widths, newlines, runs of three, words, multi-byte
/// characters.
inline const std::vector<std::string>& nasty_pieces() {
  static const std::vector<std::string> pieces = {
      " ",    " ", "  ", "\n", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\u0085", "a",     "bc",
      "word", "é", "中", "1",  "12", "٣",    "!",  "...",    "“",      "😀",      "\u0301"};
  return pieces;
}

/// Bytes that make a text invalid, or leave a character unfinished.
inline const std::vector<std::string>& broken_pieces() {
  static const std::vector<std::string> pieces = {"\x80",     "\xbf", "\xc3",     "\xe2\x82",
                                                  "\xf0\x9f", "\xff", "\xc0\xaf", "\xed\xa0\x80"};
  return pieces;
}

inline std::string random_text(RandomStream& random, int64_t n_pieces, bool with_broken) {
  std::string text;
  const size_t n = nasty_pieces().size() + (with_broken ? broken_pieces().size() : 0);
  for (int64_t i = 0; i < n_pieces; ++i) {
    const size_t which = random.below(n);
    text += which < nasty_pieces().size() ? nasty_pieces()[which]
                                          : broken_pieces()[which - nasty_pieces().size()];
  }
  return text;
}

inline std::vector<int32_t> to_ids(std::string_view text) { return byte_ids(text); }

/// A user rule without look-ahead: sentences and capitalised words.
inline SplitRule plain_user_rule() {
  SplitRule rule{"sentence", ""};
  rule.start = R"(\p{Lu}\p{L}*|\d{1,3}|\s+!)";
  rule.end = R"([.!?]+\s|a{2})";
  return rule;
}

inline AunetConfig word_model(size_t n_stages = 3, SplitMode mode = SplitMode::Causal) {
  AunetConfig model;
  model.dimensions.assign(n_stages, 32);
  model.layers.assign(n_stages, 1);
  model.head_dims.assign(n_stages, 32);
  model.sliding_windows.assign(n_stages, 64);
  model.max_seqlens.assign(n_stages, -1);
  model.residuals.assign(n_stages - 1, true);
  for (size_t k = 1; k < n_stages; ++k)
    model.split.push_back({"word" + std::to_string(1 << (k - 1)), std::to_string(1 << (k - 1)) + "@1"});
  model.split_mode = mode;
  return model;
}

}  // namespace aunet
