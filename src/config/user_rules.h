// The tables [split.NAME] start = REGEX, end = REGEX: split rules that a file defines for itself.
#pragma once

#include "config/split_rule.h"

#include <string>

namespace aunet {

class Table;

/// The [split.NAME] tables of an experiment, a sweep or a run.toml, whose root is `root`.
///
/// Throws   ConfigError: a name that a rule that ships would answer to, neither regex, a malformed regex
/// (PCRE2,
///          core/regex.h), one that moves where its match begins (\G, \K, verbs like (*SKIP))
UserRules read_user_rules(const Table& root);

/// The same from a file that holds nothing else.
UserRules read_user_rules(const std::string& path);

}  // namespace aunet
