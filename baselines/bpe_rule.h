// `bpe=PATH[@PATTERN]`: boundaries at the ends of a BPE tokenizer's tokens, PATH being its rank file or
// tokenizer.json.
//
// Official mode: on the last byte of each token of the whole segment. Merges look ahead: what follows a token
// may change it, so the causality gate calls it a leak.
//
// Causal mode: at the ends of maximal munch, which from the start of a token on takes the longest token that
// the text spells there. It ignores merge order and pre-tokenizer, which no prefix determines, but is certain
// of an end after at most one longest token: as soon as the bytes read are a token that none extends, or are
// no beginning of a token. The boundary sits at that byte: the token's last one, or a later one, which then
// belongs to a next token. Ends that become certain together share it.
//
// Source: leaky and causal token boundaries of byte models, and what the leak is worth: paper.md 7.2, 7.5.
#pragma once

#include "baselines/bpe.h"
#include "config/split_rule.h"
#include "data/boundary_rule.h"
#include "data/segment_rule.h"

#include <memory>
#include <string>
#include <vector>

namespace aunet {

/// The bytes of a vocabulary's tokens as a tree.
class TokenTrie {
 public:
  /// `tokens` hold every single byte; "" is skipped.
  explicit TokenTrie(const std::vector<std::string>& tokens);
  static constexpr int32_t kRoot = 0, kNone = -1;
  /// The node of the bytes so far and `byte`, or kNone when no token begins so.
  int32_t child(int32_t node, uint8_t byte) const;
  bool is_token(int32_t node) const { return nodes_[static_cast<size_t>(node)].token; }
  bool is_leaf(int32_t node) const { return nodes_[static_cast<size_t>(node)].n_children == 0; }

 private:
  struct Node {
    int32_t first_child = 0;  // children stand together, by byte
    uint16_t n_children = 0;
    uint8_t byte = 0;
    bool token = false;
  };
  std::vector<Node> nodes_;
};

/// Causal mode.
class BpeRule final : public BoundaryRule {
 public:
  explicit BpeRule(const std::vector<std::string>& tokens) : trie_(tokens) {}
  void start() override;
  bool step(uint8_t byte) override;

 private:
  bool munch();

  TokenTrie trie_;
  std::string pending_;              // bytes since the last certain end
  int32_t node_ = TokenTrie::kRoot;  // of pending_
  size_t longest_ = 0;               // bytes of the longest token that pending_ begins with
};

/// Official mode.
class BpeSegmentRule final : public SegmentRule {
 public:
  explicit BpeSegmentRule(Bpe bpe) : bpe_(std::move(bpe)) {}
  std::vector<int64_t> boundaries(std::string_view segment) override;

 private:
  Bpe bpe_;
};

/// Gives the rule to data/bpe_hook.h. Each binary that reads split rules calls it first.
void install_bpe_rule();

}  // namespace aunet
