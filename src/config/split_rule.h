// Split rules as written: which rule sets which stage's boundaries. What they do is data/split_rules.h.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace aunet {

/// One entry of a split string like "word1=1@1,word2=2@1": `name` selects the rule by its prefix
/// (rule_kinds), `value` is what that rule takes, for the official ones G@M (golden/README.md). Position in
/// the list + 1 = the level it sets.
struct SplitRule {
  std::string name{};
  std::string value{};
  std::string start{}, end{};  // regexes of a user rule ([split.NAME]); "" otherwise
  std::string fingerprint{};   // hash of the file that the rule reads; "": reads none, or not resolved yet
  bool operator==(const SplitRule&) const = default;
};

enum class SplitMode {
  Official,  // levels of the official code; the shipped regexes look up to a unit ahead (paper.md 0.9)
  Causal,    // a boundary moves to the first byte at which it is decided; nothing after t changes level t
};

/// The rules of the [split.NAME] tables of a file, by name.
using UserRules = std::map<std::string, SplitRule>;

/// "word1=1@1,word2=2@1" <-> rules. An entry without '=' is the name of one of `user`. Throws ConfigError
/// with `where` in front.
std::vector<SplitRule> parse_split(const std::string& text, const std::string& where,
                                   const UserRules& user = {});
std::string to_string(const std::vector<SplitRule>& rules);

/// What stands for user rules in a hash, whatever their names: start and end of each, in order.
std::vector<std::string> user_patterns(const std::vector<SplitRule>& rules);
/// The rules with one name for all user rules.
std::vector<SplitRule> without_names(std::vector<SplitRule> rules);

/// Letters, digits and '_', one at least.
bool is_rule_name(std::string_view name);
/// The prefix that selects a rule by its name, as "word" of "word2"; "" for a user rule and an unknown one.
std::string_view kind_of_rule(std::string_view name);
/// "word, pretok, ... or X": the prefixes, for messages.
std::string rule_kinds();
/// A user rule has a regex.
inline bool is_user_rule(const SplitRule& rule) { return !rule.start.empty() || !rule.end.empty(); }

std::string to_string(SplitMode mode);  ///< "official" or "causal"

}  // namespace aunet
