#include "baselines/bpe_rule.h"

#include "config/rule_file.h"
#include "core/error.h"
#include "data/bpe_hook.h"

#include <algorithm>
#include <limits>

namespace aunet {
namespace {

Bpe load(const SplitRule& rule) {
  const RuleFile file = rule_file(rule);
  check_rule_file(rule);
  return Bpe::load(file.path, file.parameter);
}

std::vector<std::string> tokens_of(const Bpe& bpe) {
  std::vector<std::string> tokens;
  for (int32_t id = 0; id < bpe.begin_id(); ++id) tokens.push_back(bpe.token(id));
  return tokens;
}

std::unique_ptr<BoundaryRule> make_causal(const SplitRule& rule) {
  return std::make_unique<BpeRule>(tokens_of(load(rule)));
}

std::unique_ptr<SegmentRule> make_segment(const SplitRule& rule) {
  return std::make_unique<BpeSegmentRule>(load(rule));
}

}  // namespace

TokenTrie::TokenTrie(const std::vector<std::string>& tokens) {
  std::vector<std::string> sorted;
  std::copy_if(tokens.begin(), tokens.end(), std::back_inserter(sorted),
               [](const std::string& token) { return !token.empty(); });
  std::sort(sorted.begin(), sorted.end());
  // Breadth first, so that the children of a node stand together.
  struct Part {
    size_t begin, end, depth;  // tokens that share the node's bytes
  };
  std::vector<Part> parts = {{0, sorted.size(), 0}};
  nodes_.emplace_back();
  for (size_t n = 0; n < parts.size(); ++n) {
    auto [begin, end, depth] = parts[n];
    if (begin < end && sorted[begin].size() == depth) {
      nodes_[n].token = true;
      ++begin;
    }
    nodes_[n].first_child = static_cast<int32_t>(nodes_.size());
    while (begin < end) {
      const auto byte = static_cast<uint8_t>(sorted[begin][depth]);
      size_t next = begin;
      while (next < end && static_cast<uint8_t>(sorted[next][depth]) == byte) ++next;
      nodes_.push_back({.byte = byte});
      parts.push_back({begin, next, depth + 1});
      ++nodes_[n].n_children;
      begin = next;
    }
  }
  require(nodes_[kRoot].n_children == 256, "bpe rule: a vocabulary without all single bytes");
}

int32_t TokenTrie::child(int32_t node, uint8_t byte) const {
  const Node& parent = nodes_[static_cast<size_t>(node)];
  if (node == kRoot) return parent.first_child + byte;  // it has all 256
  const auto first = nodes_.begin() + parent.first_child, last = first + parent.n_children;
  const auto found = std::lower_bound(first, last, byte,
                                      [](const Node& child, uint8_t wanted) { return child.byte < wanted; });
  return found != last && found->byte == byte ? static_cast<int32_t>(found - nodes_.begin()) : kNone;
}

void BpeRule::start() {
  pending_.clear();
  node_ = TokenTrie::kRoot;
  longest_ = 0;
}

/// Takes tokens off pending_ while their ends are certain; true if there was one.
bool BpeRule::munch() {
  bool ended = false;
  while (node_ == TokenTrie::kNone || trie_.is_leaf(node_)) {
    ended = true;
    const std::string rest = pending_.substr(longest_);
    start();
    for (size_t i = 0; i < rest.size() && node_ != TokenTrie::kNone; ++i) {
      node_ = trie_.child(node_, static_cast<uint8_t>(rest[i]));
      if (node_ != TokenTrie::kNone && trie_.is_token(node_)) longest_ = i + 1;
    }
    pending_ = rest;
  }
  return ended;
}

bool BpeRule::step(uint8_t byte) {
  pending_ += static_cast<char>(byte);
  node_ = trie_.child(node_, byte);
  if (node_ != TokenTrie::kNone && trie_.is_token(node_)) longest_ = pending_.size();
  return munch();
}

std::vector<int64_t> BpeSegmentRule::boundaries(std::string_view segment) {
  std::vector<int32_t> ids;
  bpe_.encode(segment, ids);
  std::vector<int64_t> at;
  int64_t end = 0;
  for (const int32_t id : ids) at.push_back((end += bpe_.n_bytes(id)) - 1);
  return at;
}

void install_bpe_rule() { set_bpe_rules({make_causal, make_segment}); }

}  // namespace aunet
