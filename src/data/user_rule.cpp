#include "data/user_rule.h"

#include "data/utf8.h"

#include <algorithm>

namespace aunet {
namespace {

bool contains(std::string_view set, char c) { return set.find(c) != std::string_view::npos; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Reads a pattern from left to right as far as keeps_matches needs.
class PatternReader {
 public:
  explicit PatternReader(std::string_view pattern) : rest_(pattern) {}

  bool only_harmless() {
    while (!rest_.empty()) {
      const char c = take();
      if (c == '\\' ? !escape() : c == '[' ? !character_class() : c == '(' ? !group() : !single(c))
        return false;
    }
    return true;
  }

 private:
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  bool next_is(char c) const { return !rest_.empty() && rest_.front() == c; }

  bool single(char c) {
    const bool may_repeat =
        contains("*+?}", c);  // "}" may also be itself; then the answer is on the safe side
    return c != '$' && !(may_repeat && next_is('+'));
  }

  bool escape() {
    if (rest_.empty()) return false;
    const char c = take();
    return (!is_letter(c) && !is_digit(c)) || contains("dDsSwWhHvVpPxnrtfaeA", c);
  }

  /// After '['. A ']' right after it, or after its '^', is an ordinary character.
  bool character_class() {
    if (next_is('^')) take();
    if (next_is(']')) take();
    while (!rest_.empty()) {
      const char c = take();
      if (c == ']') return true;
      if (c == '\\' && !escape()) return false;
      if (c == '[' && next_is(':')) skip_past(":]");
    }
    return false;
  }

  void skip_past(std::string_view text) {
    const size_t at = rest_.find(text);
    if (at != std::string_view::npos) rest_.remove_prefix(at + text.size());
  }

  /// After '('. Look-behind sees only what is there already.
  bool group() {
    if (next_is('*')) return false;
    if (!next_is('?')) return true;
    take();
    for (const std::string_view opening : {":", "<=", "<!", "i:", "s:", "m:", "i)", "s)", "m)"}) {
      if (!rest_.starts_with(opening)) continue;
      rest_.remove_prefix(opening.size());
      return true;
    }
    return false;
  }

  std::string_view rest_;
};

/// First byte of the last character before `end`.
size_t last_character(const std::string& text, size_t end) {
  size_t begin = end - 1;
  while (is_continuation(static_cast<uint8_t>(text[begin]))) --begin;
  return begin;
}

}  // namespace

bool keeps_matches(std::string_view pattern) { return PatternReader(pattern).only_harmless(); }

UserRule::Matches::Matches(const std::string& pattern, const std::string& where, bool at_end)
    : regex_(pattern, where), search_(regex_), at_end_(at_end), keeps_(keeps_matches(pattern)) {}

bool UserRule::Matches::begins_open_match(const std::string& text) {
  return search_.whole(text, from_) == RegexSearch::Found::Match && search_.begin() == from_;
}

bool UserRule::Matches::grow(const std::string& text, std::set<size_t>& certain) {
  using Found = RegexSearch::Found;
  bool is_new = false;
  Found found;
  while ((found = search_.prefix(text, from_)) == Found::Match) {
    from_ = search_.end();
    is_new |= certain.insert(at_end_ ? last_character(text, from_) : search_.begin()).second;
  }
  from_ = found == Found::Open ? search_.begin() : text.size();
  if (found == Found::Open && !at_end_ && keeps_ && !certain.contains(from_) && begins_open_match(text))
    is_new |= certain.insert(from_).second;
  return is_new;
}

UserRule::UserRule(const SplitRule& rule) {
  const std::string where = "split." + rule.name;
  if (!rule.start.empty()) starts_.emplace(rule.start, where + ".start", false);
  if (!rule.end.empty()) ends_.emplace(rule.end, where + ".end", true);
}

void UserRule::start_text() {
  text_.clear();
  certain_.clear();
  if (starts_) starts_->restart();
  if (ends_) ends_->restart();
}

bool UserRule::character(uint32_t code) {
  append_utf8(code, text_);
  const bool at_start = starts_ && starts_->grow(text_, certain_);
  const bool at_end = ends_ && ends_->grow(text_, certain_);
  const size_t done =
      std::min(starts_ ? starts_->done() : text_.size(), ends_ ? ends_->done() : text_.size());
  certain_.erase(certain_.begin(), certain_.lower_bound(done));
  return at_start || at_end;
}

}  // namespace aunet
