#include "data/file_rule.h"

#include "config/rule_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "data/jsonl.h"
#include "data/utf8.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <optional>

namespace aunet {
namespace {

constexpr size_t kAnchorBytes = 24;              // an anchor's hash covers so many bytes
constexpr uint64_t kAnchorMask = 0x3F;           // one place in 64 is an anchor: small index, short search
constexpr uint64_t kBase = 0x9E3779B97F4A7C15u;  // odd: multiplication mod 2^64 loses nothing

/// Hash of the last kAnchorBytes bytes, byte by byte.
class Rolling {
 public:
  Rolling() {
    for (size_t i = 0; i < kAnchorBytes; ++i) leaving_ *= kBase;
  }
  void push(uint8_t next, uint8_t oldest) { hash_ = hash_ * kBase + next + 1 - leaving_ * (oldest + 1u); }
  void push(uint8_t next) { hash_ = hash_ * kBase + next + 1; }
  /// The hash, if the place is an anchor.
  std::optional<uint64_t> anchor() const {
    const uint64_t mixed = (hash_ ^ hash_ >> 32) * kBase;
    return (mixed >> 40 & kAnchorMask) == 0 ? std::optional(hash_) : std::nullopt;
  }

 private:
  uint64_t hash_ = 0, leaving_ = 1;
};

/// Calls each(end, hash) for the anchors of `text`: `end` is behind the bytes hashed. Stops when it says so.
template <class Each>
void for_each_anchor(std::string_view text, const Each& each) {
  Rolling rolling;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto next = static_cast<uint8_t>(text[i]);
    if (i < kAnchorBytes)
      rolling.push(next);
    else
      rolling.push(next, static_cast<uint8_t>(text[i - kAnchorBytes]));
    if (i + 1 < kAnchorBytes) continue;
    const auto hash = rolling.anchor();
    if (hash && !each(i + 1, *hash)) return;
  }
}

/// The offsets of one line, held against its text of n bytes.
std::vector<size_t> read_ends(std::string_view line, size_t n, const std::string& where) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  const auto found = json.find("ends");
  if (found == json.end() || !found->is_array())
    throw ConfigError(fmt::format("{}: ends: expected an array of byte offsets, got {}", where,
                                  found == json.end() ? "nothing" : found->dump().substr(0, 40)));
  std::vector<size_t> ends;
  for (const auto& value : *found) {
    const bool fits = value.is_number_unsigned() && value.get<uint64_t>() < n &&
                      (ends.empty() || value.get<uint64_t>() > ends.back());
    if (!fits)
      throw ConfigError(
          fmt::format("{}: ends[{}]: expected ascending offsets below the text's {} bytes, got {}", where,
                      ends.size(), n, value.dump()));
    ends.push_back(value.get<uint64_t>());
  }
  return ends;
}

}  // namespace

FileRule::FileRule(const SplitRule& rule) : path_(rule_file(rule).path) {
  check_rule_file(rule);
  documents_.push_back(0);
  for_each_line(path_, [this](std::string_view line, int64_t number) {
    const std::string where = fmt::format("{}:{}", path_, number);
    const size_t begin = text_.size();
    append_text_field(line, where, text_);
    for (const size_t end : read_ends(line, text_.size() - begin, where)) ends_.push_back(begin + end);
    documents_.push_back(text_.size());
  });
  if (text_.size() > std::numeric_limits<uint32_t>::max())
    throw ConfigError(fmt::format("{}: expected at most 4 GiB of text, got {} bytes", path_, text_.size()));
  index();
}

void FileRule::index() {
  for (size_t d = 0; d + 1 < documents_.size(); ++d) {
    const size_t begin = documents_[d];
    const auto text = std::string_view(text_).substr(begin, documents_[d + 1] - begin);
    for_each_anchor(text, [&](size_t end, uint64_t hash) {
      anchors_[hash].push_back(static_cast<uint32_t>(begin + end));
      return true;
    });
  }
}

/// Where the segment stands in text_, inside one document; npos when nowhere.
size_t FileRule::find(std::string_view segment) const {
  const auto inside = [&](size_t at) {
    const size_t next = *std::upper_bound(documents_.begin(), documents_.end() - 1, at);
    return at + segment.size() <= next && text_.compare(at, segment.size(), segment) == 0;
  };
  size_t place = std::string::npos;
  bool has_anchor = false;
  for_each_anchor(segment, [&](size_t end, uint64_t hash) {
    has_anchor = true;
    const auto known = anchors_.find(hash);
    if (known == anchors_.end()) return false;
    for (const uint32_t at : known->second) {
      if (at < end || !inside(at - end)) continue;
      place = at - end;
      return false;
    }
    return false;
  });
  if (has_anchor) return place;
  for (place = text_.find(segment); place != std::string::npos && !inside(place);)
    place = text_.find(segment, place + 1);
  return place;
}

std::vector<int64_t> FileRule::boundaries(std::string_view segment) {
  if (segment.empty()) return {};
  const size_t begin = find(segment);
  if (begin == std::string::npos)
    throw ConfigError(
        fmt::format("{}: expected the boundaries of every text, got none for the {} bytes (hash {}) "
                    "that begin with '{}'",
                    path_, segment.size(), hash_hex(segment),
                    segment.substr(0, static_cast<size_t>(utf8_cut(segment, 0, 40)))));
  std::vector<int64_t> at;
  for (auto end = std::lower_bound(ends_.begin(), ends_.end(), begin);
       end != ends_.end() && *end < begin + segment.size(); ++end)
    at.push_back(static_cast<int64_t>(*end - begin));
  return at;
}

}  // namespace aunet
