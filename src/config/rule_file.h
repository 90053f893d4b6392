// Split rules that read a file: where it is, and the hash of its content that stands for it in the run key.
//
//   file=PATH               boundaries written down for known texts      data/file_rule.h
//   bpe=PATH[@PATTERN]      the ends of a BPE tokenizer's tokens         baselines/bpe_rule.h; default gpt2,
//   or json for
//                           a PATH that ends in .json: the pattern that the file has
//   entropy=PATH@THRESHOLD  where the next byte is hard to predict       data/entropy_rule.h; bits
//
// A path may hold '@' where a parameter follows; it cannot hold ','.
#pragma once

#include "config/split_rule.h"

namespace aunet {

/// "file", "bpe" and "entropy" take values like these; anything but a parameter of their kind is a path.
bool is_file_value(std::string_view value);
bool is_bpe_value(std::string_view value);
bool is_entropy_value(std::string_view value);

struct RuleFile {
  std::string path{};
  std::string parameter{};  // PATTERN or THRESHOLD; "" for `file`
};

/// True for the three kinds.
bool reads_file(const SplitRule& rule);
/// The two parts of the value of a rule that reads a file.
RuleFile rule_file(const SplitRule& rule);

/// The rule with another path.
SplitRule with_path(SplitRule rule, const std::string& path);

/// Makes the paths of rules that read a file absolute under `base_folder` and sets each fingerprint to the
/// hash of the file's content, or to the one in `fingerprints` (one per rule), which a resolved run knows:
/// its file is not opened then.
///
/// Throws   ConfigError `where: ...` for a file that is not there
void resolve_rule_files(std::vector<SplitRule>& rules, const std::string& base_folder,
                        const std::vector<std::string>& fingerprints, const std::string& where);

/// One fingerprint per rule, "" for those that read no file; [] when no rule reads one.
std::vector<std::string> rule_fingerprints(const std::vector<SplitRule>& rules);

/// The rules as the run key sees them: the content's hash in place of each path.
std::vector<SplitRule> without_paths(std::vector<SplitRule> rules);

/// What decides the levels, whatever paths and names are used: lists of rules with equal identities give
/// equal levels. Throws BugError when a rule's file has no fingerprint yet.
std::string split_identity(const std::vector<SplitRule>& rules, SplitMode mode);

/// Throws ConfigError unless the rule's file still has the content that its fingerprint was taken from.
void check_rule_file(const SplitRule& rule);

}  // namespace aunet
