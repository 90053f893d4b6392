// A TOML text with --set overrides merged into it. Knows where every value came from; knows no key.
#pragma once

#include <toml++/toml.h>

#include <string>
#include <vector>

namespace aunet {

/// Parses `text`, then merges each override "a.b=c" into it.
///
/// An override is one line of TOML: dotted keys reach into tables, and into arrays by index or by the `name`
/// of an element (`family.0.lr`, `family.bpe.lr`). A value that is no TOML value but a bare word
/// (`run.device=cuda`) is taken as a string, because shells eat quotes.
///
/// Throws   ConfigError `file:line:col: not valid TOML: ...`; for an override, `--set a.b=c: ...`
toml::table parse_toml(const std::string& text, const std::string& file_name,
                       const std::vector<std::string>& overrides);

/// "file:line:col" of a value or key in the file, "--set a.b=c" of one that an override brought.
std::string place_of(const toml::source_region& source);

/// What a message says was found: `"word"`, `3.5`, `an array of 2`, `a table`.
std::string describe(const toml::node& node);

}  // namespace aunet
